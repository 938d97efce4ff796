"""What a rule's keys are called, as the form offers them and sentences say them. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from personalization.rule_form.parts import field_choices
from personalization.rules.conditions import Field


@dataclass(frozen=True)
class Names:
    """What keys are called, each in the order to offer. `properties` are those that events may
    have, with their kind."""

    categories: Mapping[str, str] = field(default_factory=dict)
    event_types: Mapping[str, str] = field(default_factory=dict)
    purposes: Mapping[str, str] = field(default_factory=dict)
    campaigns: Mapping[str, str] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    segments: Mapping[str, str] = field(default_factory=dict)

    @property
    def said(self) -> dict[str, str]:
        """What sentences call things: categories by slug, others as `campaign:<id>`."""
        others = {"campaign": self.campaigns, "segment": self.segments}
        named = {f"{kind}:{key}": each[key] for kind, each in others.items() for key in each}
        return {**self.categories, **named}

    def of(self, field: Field) -> Mapping[str, str] | None:
        """The choices of a field; None where something is typed."""
        if field.choices is not None:
            return field.choices
        return {
            "category": self.categories,
            "event_type": self.event_types,
            "purpose": self.purposes,
            "campaign": self.campaigns,
            "segment": self.segments,
            "event_field": field_choices(self.properties),
        }.get(field.type)
