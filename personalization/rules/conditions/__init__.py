"""What a rule can ask. CONDITIONS is the document: the form, the docs and the engine read it.

A condition measures one value from the context (None: unknown) and tests it. The measured value
goes into the trace, so an explanation is what was really decided by.
"""

from personalization.rules.conditions.base import Ask, Condition
from personalization.rules.conditions.behavior import BEHAVIOR
from personalization.rules.conditions.consent import CONSENT
from personalization.rules.conditions.contacts import CONTACTS
from personalization.rules.conditions.event_times import EVENT_TIMES
from personalization.rules.conditions.events import EVENTS
from personalization.rules.conditions.interests import INTERESTS
from personalization.rules.conditions.items import ITEMS
from personalization.rules.conditions.learned import LEARNED
from personalization.rules.conditions.place import PLACE
from personalization.rules.conditions.request import REQUEST
from personalization.rules.conditions.schedule import SCHEDULE
from personalization.rules.conditions.segments import SEGMENTS
from personalization.rules.conditions.signals import SIGNALS
from personalization.rules.conditions.visit import VISIT
from personalization.rules.conditions.visit_events import VISIT_EVENTS
from personalization.rules.conditions.words import VERBS
from personalization.rules.fields import Field, FieldType

__all__ = ("BY_KIND", "CONDITIONS", "VERBS", "Ask", "Condition", "Field", "FieldType")

CONDITIONS: tuple[Condition, ...] = (
    *INTERESTS,
    *EVENTS,
    *EVENT_TIMES,
    *CONTACTS,
    *SEGMENTS,
    *BEHAVIOR,
    *ITEMS,
    *VISIT,
    *VISIT_EVENTS,
    *REQUEST,
    *PLACE,
    *SCHEDULE,
    *CONSENT,
    *LEARNED,
    *SIGNALS,
)

BY_KIND = {condition.kind: condition for condition in CONDITIONS}
