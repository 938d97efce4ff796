"""A file of campaigns against what is there: first what it would do, then, if wanted, that.

Everything arrives as drafts: no page changes. Variants of pages are never changed either: one that
says something else under a name that is taken arrives under another name.
"""

import hashlib
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from personalization.campaigns.campaigning import draft_record
from personalization.campaigns.changes import campaign_changes
from personalization.campaigns.duplicating import name_numbered
from personalization.campaigns.interchange import Entry, entries_read
from personalization.campaigns.interchange_write import variant_as_json
from personalization.campaigns.versions import draft_payload
from personalization.frequency.words import frequency_sentence
from personalization.models import Campaign, Category, ExclusionGroup, Slot, Variant
from personalization.pictures import picture_list
from personalization.rich_text import links_refused, pictures_named
from personalization.rules.inlining import rule_inline, segments_used
from personalization.rules.tree import RuleError
from personalization.segments.resolving import segments_in_use
from tracking import selectors as tracking_selectors

MAKE, CHANGE, SAME, REFUSE = "make", "change", "same", "refuse"


class ImportStaleError(ValueError):
    """What was shown is not what would happen now; the message says what to do."""


@dataclass
class Planned:
    """What will become of one campaign of the file; `lines`: (field, what happens or why not)."""

    name: str
    verdict: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    campaign: Campaign | None = None
    variant: Variant | None = None


@dataclass(frozen=True)
class Plan:
    """What an import would do. `digest` is the same as long as nothing it rests on has changed."""

    planned: list[Planned]
    digest: str

    def count(self, verdict: str) -> int:
        return sum(one.verdict == verdict for one in self.planned)

    @property
    def makes_variants(self) -> bool:
        return any(one.variant is not None and one.variant.pk is None for one in self.planned)

    @property
    def does_something(self) -> bool:
        return any(one.verdict in (MAKE, CHANGE) for one in self.planned)


def import_plan(content: bytes) -> Plan:
    """What importing a file would do. Raises InterchangeError when it is no such file."""
    planner = _Planner()
    planned = [planner.plan(entry) for entry in entries_read(content)]
    told = repr([(one.name, one.verdict, one.lines, _seen(one.campaign)) for one in planned])
    return Plan(planned, hashlib.sha256(told.encode("utf-8", "replace")).hexdigest())


def import_apply(content: bytes, *, digest: str, by: str) -> Plan:
    """Do what a plan said, all of it or nothing. Raises ImportStaleError."""
    with transaction.atomic():
        plan = import_plan(content)
        if plan.digest != digest:
            raise ImportStaleError(
                "Something changed since this was shown: nothing was imported. Look at it again."
            )
        for one in plan.planned:
            if one.verdict in (MAKE, CHANGE) and one.campaign is not None:
                _save(one.campaign, one.variant, by)
    return plan


def _save(campaign: Campaign, variant: Variant | None, by: str) -> None:
    before = None
    if campaign.pk:
        stored = Campaign.objects.select_for_update().get(pk=campaign.pk)
        if stored.revision != campaign.revision:
            raise ImportStaleError(
                f"Somebody changed “{campaign}” in this moment: nothing was imported."
            )
        before = draft_payload(stored)
    if variant is not None:
        if variant._state.adding:  # two campaigns of a file may share it
            variant.save()
        campaign.variant = variant
    campaign.revision += 1
    campaign.save()
    draft_record(campaign=campaign, before=before, by=by)


def _seen(campaign: Campaign | None) -> tuple[int, int] | None:
    return (campaign.pk or 0, campaign.revision) if campaign else None


class _Planner:
    """Looks names up once for a whole file, and knows the variants it has made already."""

    def __init__(self) -> None:
        self.slots = {slot.key: slot for slot in Slot.objects.all()}
        self.categories = {row.slug: row for row in Category.objects.all()}
        self.groups = {group.name: group for group in ExclusionGroup.objects.all()}
        self.segments = segments_in_use()
        self.event_types = tracking_selectors.event_type_labels()
        self.pictures = frozenset(picture_list())
        self.new: dict[str, Variant] = {}

    def plan(self, entry: Entry) -> Planned:
        errors = dict(entry.errors)
        slot = self.slots.get(entry.slot)
        if slot is None and "slot" not in errors:
            known = ", ".join(sorted(self.slots)) or "none yet"
            errors["slot"] = f"There is no slot “{entry.slot}”; there are: {known}."
        there = Campaign.objects.filter(name=entry.name).select_related(
            "slot", "variant__category", "published"
        ).first()  # fmt: skip
        if there is not None and there.status == Campaign.Status.ARCHIVED:
            errors["name"] = "A campaign of this name is archived: restore it or rename this one."
        self._segments(entry, errors)
        campaign = self._filled(there or Campaign(), entry, slot, errors)
        variant, says = self._variant(entry, errors)
        if errors or variant is None or slot is None:
            return Planned(entry.name, REFUSE, sorted(errors.items()))
        if there is None:
            return Planned(entry.name, MAKE, _made(campaign, slot, says), campaign, variant)
        before = draft_payload(Campaign.objects.get(pk=there.pk))
        campaign.slot, campaign.variant = slot, variant
        changes = campaign_changes(before, draft_payload(campaign))
        lines = [("draft", change) for change in changes]
        lines += [("variant", says)] if variant.pk is None else []
        return Planned(entry.name, CHANGE if lines else SAME, lines, campaign, variant)

    def _segments(self, entry: Entry, errors: dict[str, str]) -> None:
        """A rule names segments by their keys: they must be there, and fit."""
        if "rule" in errors or not segments_used(entry.rule):
            return
        try:
            rule_inline(entry.rule, self.segments)
        except RuleError as error:
            known = ", ".join(sorted(self.segments)) or "none yet"
            errors["rule"] = f"{error} There are: {known}."

    def _filled(
        self, campaign: Campaign, entry: Entry, slot: Slot | None, errors: dict[str, str]
    ) -> Campaign:
        campaign.name, campaign.rule, campaign.priority = entry.name, entry.rule, entry.priority
        campaign.zone, campaign.starts_at, campaign.ends_at = entry.zone, entry.starts, entry.ends
        if slot is not None:
            campaign.slot = slot
        campaign.frequency = self._limits(entry, errors)
        return campaign

    def _limits(self, entry: Entry, errors: dict[str, str]) -> dict[str, Any]:
        """The limits with the group and the event type that are meant, if they are there."""
        limits = dict(entry.limits)
        name = limits.pop("group", "")
        if group := self.groups.get(name):
            limits["group"] = group.pk
        elif name:
            known = ", ".join(f"“{one}”" for one in sorted(self.groups)) or "none yet"
            errors["frequency.group"] = (
                f"There is no exclusion group “{name}”: make it first, or leave it out. "
                f"There are: {known}."
            )
        event = limits.get("after_event", [None])[0]
        if event and event not in self.event_types:
            errors["frequency.after_event.type"] = f"There is no event type “{event}”."
        return limits

    def _variant(self, entry: Entry, errors: dict[str, str]) -> tuple[Variant | None, str]:
        """The variant that is there, or a new one without a key, and what happens, in words."""
        name = entry.variant_name
        there = Variant.objects.filter(name=name).select_related("category").first()
        if entry.variant is None:
            if there is None and not any(key.startswith("variant") for key in errors):
                errors["variant.name"] = f"There is no variant “{name}”: give what it says as well."
            return there, f"shows “{there}”, which is there" if there else ""
        if there is not None and variant_as_json(there) == entry.variant:
            return there, f"shows “{there}”, which is there and says the same"
        if name in self.new:
            if variant_as_json(self.new[name]) != entry.variant:
                errors["variant"] = f"“{name}” stands twice in the file and says different things."
            return self.new[name], f"shows “{self.new[name].name}”, made above"
        made = self._made(entry.variant, errors)
        made.name = name if there is None else self._free(name)
        self.new[name] = made
        taken = f"; “{name}” says something else and stays as it is" if there else ""
        return made, f"makes the variant “{made.name}”{taken}"

    def _made(self, said: dict[str, str], errors: dict[str, str]) -> Variant:
        values = {key: value for key, value in said.items() if key != "category"}
        made = Variant(name="-", category=self.categories.get(said["category"]), **values)
        if said["category"] and made.category is None:
            errors["variant.category"] = f"There is no category “{said['category']}”."
        try:
            made.clean_fields(exclude=["name"])
        except ValidationError as error:
            for key, messages in error.message_dict.items():
                errors.setdefault(f"variant.{key}", messages[0])
        if made.image and made.image not in self.pictures:
            errors["variant.image"] = f"There is no picture “{made.image}”."
        wrong = [n for n in pictures_named(made.body) if n not in self.pictures]
        wrong += links_refused(made.body)
        if wrong:
            errors["variant.body"] = f"“{wrong[0][:80]}” is no picture and no link of this site."
        return made

    def _free(self, name: str) -> str:
        taken = {variant.name for variant in self.new.values()}
        for number in count(1):
            free = name_numbered(name, "imported", number)
            if free not in taken and not Variant.objects.filter(name=free).exists():
                return free
        raise AssertionError("there is always another name")


def _made(campaign: Campaign, slot: Slot, says: str) -> list[tuple[str, str]]:
    when = "with a schedule" if campaign.starts_at or campaign.ends_at else "without a schedule"
    rule = "" if campaign.rule else "no rule yet: it cannot be published before it has one"
    lines = [("slot", slot.name), ("variant", says), ("priority", str(campaign.priority))]
    lines.append(("schedule", f"{when}, {campaign.zone}"))
    lines += [("rule", rule)] if rule else []
    group = campaign.exclusion_group
    said = frequency_sentence(
        campaign.frequency, {str(group.pk): {"name": group.name}} if group else {}
    )
    return [*lines, *([("how often", said)] if campaign.frequency else [])]
