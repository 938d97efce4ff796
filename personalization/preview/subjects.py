"""As whom a page is previewed: everyone, a test profile, or a recent visitor who consents.

A subject's key is what addresses carry: "everyone", "profile:<id>" or "visitor:<uuid>".
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.timesince import timesince

from consent import selectors as consent_selectors
from consent.logic import ConsentState
from personalization import selectors
from personalization.decide import PURPOSE, RuleSet
from personalization.frequency.limits import NOTHING_SHOWN, Shown
from personalization.frequency.shown import shown_read
from personalization.preview.inventing import Doing, events_invent, reading, state_of
from personalization.preview.models import TestProfile
from personalization.rules.tree import rule_features
from personalization.segments.kept import memberships_get
from personalization.segments.membership import Memberships
from profiles import selectors as profile_selectors
from profiles.definition import Definition
from profiles.state import State
from profiles.vector import interest_list
from tracking import selectors as tracking_selectors

EVERYONE = "everyone"
RECENT = timedelta(days=30)
RECENT_SHOWN = 20


class SubjectError(ValueError):
    """Nobody of this key can be previewed; says why."""


@dataclass(frozen=True)
class Subject:
    """Who a page is made for. `state` is None where nothing may be known of them.

    `memberships` are known of real visitors alone. `device` and `language` are "" where nobody
    says. `says` is the subject in words, for people.
    """

    key: str
    label: str
    consent: ConsentState
    says: str = ""
    state: State | None = None
    kept: Collection[str] = frozenset()
    shown: Shown = NOTHING_SHOWN
    memberships: Memberships | None = None
    device: str = ""
    language: str = ""


@dataclass(frozen=True)
class Recent:
    """A recent visitor, to choose."""

    key: str
    says: str


def subject_get(key: str, ruleset: RuleSet, *, now: datetime, may_see_visitors: bool) -> Subject:
    """The subject of a key, as known at `now`. Raises SubjectError."""
    kind, _, rest = key.partition(":")
    if kind == "profile" and rest.isdecimal() and len(rest) < 10:
        profile = test_profiles().filter(pk=rest).first()
        if profile is None:
            raise SubjectError("There is no such test profile any more: choose another.")
        return subject_invented(profile, ruleset, now=now)
    if kind == "visitor":
        subject_check(key, may_see_visitors=may_see_visitors)
        return _subject_visitor(rest, ruleset)
    if key not in ("", EVERYONE):
        raise SubjectError("Nobody of that kind can be previewed: choose from the list.")
    return Subject(
        EVERYONE,
        "Everyone",
        ConsentState(),
        "Somebody who has not been asked for consent yet. Nothing is known of them.",
    )


def test_profiles() -> QuerySet[TestProfile]:
    """Every test profile with what it is made of."""
    return TestProfile.objects.prefetch_related("interests__category", "doings__category")


def subject_invented(profile: TestProfile, ruleset: RuleSet, *, now: datetime) -> Subject:
    """A test profile as a visitor of whom everything is known that the rules ask about."""
    subject = Subject(
        key=f"profile:{profile.pk}",
        label=profile.name,
        consent=_consent_of(profile.consent, now),
        says=profile_says(profile),
        device=profile.device,
        language=profile.language,
    )
    if not subject.consent.allows(PURPOSE):
        return subject
    definition = _definition_for(ruleset)
    events = events_invent(
        _doings(profile),
        visits=profile.visits,
        first_days=profile.first_days,
        last_days=profile.last_days,
        now=now.timestamp(),
        device=profile.device or "desktop",
    )
    state = state_of(events, definition, max_topics=settings.PROFILE_MAX_TOPICS)
    return replace(subject, state=state, kept=definition.keys)


def _consent_of(said: str, now: datetime) -> ConsentState:
    if said == TestProfile.Consent.NOT_ASKED:
        return ConsentState()
    granted: Iterable[str] = ()
    if said == TestProfile.Consent.GRANTED:
        granted = (purpose.key for purpose in consent_selectors.purposes_active())
    return ConsentState(granted=frozenset(granted), decided=True, decided_at=now)


def _definition_for(ruleset: RuleSet) -> Definition:
    """What profiles hold, and beside it whatever these rules ask of events, live or not."""
    asked = {
        feature.key: feature
        for slot in ruleset.slots.values()
        for campaign in slot.campaigns
        for feature in rule_features(campaign.rule)
    }
    latest = profile_selectors.definition_latest()
    return Definition(latest.version, dict(latest.half_lives), tuple(asked.values()))


def _doings(profile: TestProfile) -> list[Doing]:
    units = {name: signal.unit for name, signal in tracking_selectors.signal_list().items()}
    doings = [
        doing
        for interest in profile.interests.all()
        for doing in reading(interest.category.slug, interest.strength)
    ]
    for row in profile.doings.all():
        category = row.category.slug if row.category else ""
        amount = 60.0 if units.get(row.type) == "second" else 1.0
        kind = "article" if category else ""
        doings.append(Doing(row.type, category, row.times, row.days, kind, amount))
    return doings


def profile_says(profile: TestProfile) -> str:
    """A test profile in one or two sentences.

    Interests and doings are read from the profile: prefetch them where there are many.
    """
    consent = profile.get_consent_display()
    parts = [consent, *([profile.get_device_display().lower()] if profile.device else [])]
    if profile.consent != TestProfile.Consent.GRANTED:
        return f"{', '.join(parts)}. Nothing is known of them."
    visits = "first visit" if profile.visits == 1 else f"{profile.visits} visits"
    if profile.visits > 1:
        visits += f" since {_ago(profile.first_days)}"
    parts.append(visits)
    if profile.last_days:
        parts.append(f"last here {_ago(profile.last_days)}")
    labels = tracking_selectors.event_type_labels()
    did = [
        f"{interest.get_strength_display().partition(':')[0]} interest in {interest.category}"
        for interest in profile.interests.all()
    ]
    for row in profile.doings.all():
        of = f" ({row.category})" if row.category else ""
        within = "day" if row.days == 1 else f"{row.days} days"
        did.append(f"{labels.get(row.type, row.type)}{of} {row.times} × in the last {within}")
    said = f"{'; '.join(did)}." if did else "Did nothing else."
    return f"{', '.join(parts)}. {said[0].upper()}{said[1:]}"


def _ago(days: int) -> str:
    return "today" if days == 0 else f"{days} day{'' if days == 1 else 's'} ago"


# --- Visitors ------------------------------------------------------------------------------------


def visitors_recent(*, now: datetime) -> list[Recent]:
    """The visitors seen last who agree to personalization now, newest first."""
    states = profile_selectors.states_recent(since=now - RECENT, limit=RECENT_SHOWN)
    granted = consent_selectors.visitors_granted([one for one, _ in states], PURPOSE, now=now)
    weights = profile_selectors.weights_current()
    names = dict(selectors.category_list().values_list("slug", "name"))
    recent = []
    for visitor_id, state in states:
        if visitor_id not in granted:
            continue
        interests = interest_list(state, weights, now=now.timestamp())[:2]
        likes = ", ".join(names.get(one.category, one.category) for one in interests)
        visits = f"{state.visits} visit{'' if state.visits == 1 else 's'}"
        seen = f"seen {_since(state, now)} ago"
        says = ", ".join(part for part in (seen, visits, likes and f"likes {likes}") if part)
        recent.append(Recent(f"visitor:{visitor_id}", f"{str(visitor_id)[:8]}: {says}"))
    return recent


def _since(state: State, now: datetime) -> str:
    last = datetime.fromtimestamp((state.last or 0) / 1000, now.tzinfo)
    return str(timesince(last, now, depth=1)).replace("\xa0", " ")


def subject_check(key: str, *, may_see_visitors: bool) -> None:
    """Raise SubjectError for a real visitor who agrees no longer, or whom one may not look at."""
    kind, _, rest = key.partition(":")
    if kind != "visitor":
        return
    if not may_see_visitors:
        raise SubjectError("You may not look at visitors: choose a test profile.")
    _agreeing(rest)


def _agreeing(text: str) -> tuple[UUID, ConsentState]:
    """A visitor's id with what they agree to."""
    gone = "This visitor has not agreed, or not any more: nothing is known of them. Choose another."
    try:
        visitor_id = UUID(text)
    except ValueError:
        raise SubjectError("There is no such visitor: choose from the list.") from None
    # Consent is what it is at present, wherever the preview's clock stands.
    consent = consent_selectors.consent_for_visitor(visitor_id, False, timezone.now())
    if not consent.allows(PURPOSE):
        raise SubjectError(gone)
    return visitor_id, consent


def _subject_visitor(text: str, ruleset: RuleSet) -> Subject:
    visitor_id, consent = _agreeing(text)
    state = profile_selectors.profile_get(visitor_id) or State()
    latest = tracking_selectors.visitor_events(visitor_id, limit=1)
    return Subject(
        key=f"visitor:{visitor_id}",
        label=f"Visitor {str(visitor_id)[:8]}",
        consent=consent,
        says="A real visitor, as known at this moment.",
        state=state,
        kept=profile_selectors.features_kept(state),
        shown=shown_read(visitor_id, ruleset),
        memberships=memberships_get(visitor_id),
        device=latest[0]["device"] if latest else "",
    )
