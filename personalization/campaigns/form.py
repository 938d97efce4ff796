"""The campaign's form: its rule as rows, its times as clocks of its zone show them, and what
somebody else saved meanwhile."""

import copy
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSplitDateTimeWidget

from personalization.campaigns.campaigning import last_step
from personalization.campaigns.changes import campaign_changes
from personalization.campaigns.versions import draft_payload
from personalization.campaigns.zones import (
    LocalTimeError,
    instant_from_local,
    is_zone,
    local_from_instant,
    zone_names,
)
from personalization.forms import RuleField
from personalization.frequency.form import FREQUENCY_FIELDS, FrequencyForm
from personalization.models import Campaign

END_BEFORE_START = "The end must be after the start."
FIELDS = (
    "name", "slot", "variant", "rule", "priority", "zone", "starts_at", "ends_at",
    *FREQUENCY_FIELDS,
)  # fmt: skip
#: What is left empty on purpose; in other fields nothing means that what was typed is wrong.
MAY_BE_EMPTY = ("starts_at", "ends_at", *FREQUENCY_FIELDS)
MEANWHILE = (
    "{who} saved this campaign while you had it open. What you typed is still here and not saved "
    "yet: see below what differs, then save again to put yours in place of theirs."
)


class LocalTimeField(forms.SplitDateTimeField):
    """A date and a time without a zone; the form's zone says which instant they are."""

    widget = UnfoldAdminSplitDateTimeWidget

    def compress(self, data_list: tuple[Any, Any] | None) -> datetime | None:
        if not data_list:
            return None
        day, clock = data_list
        if day in self.empty_values:
            raise ValidationError("Enter a date as well.", code="invalid_date")
        if clock in self.empty_values:
            raise ValidationError("Enter a time as well.", code="invalid_time")
        return datetime.combine(day, clock)


class ZoneField(forms.ChoiceField):
    """A time zone by its name."""

    widget = UnfoldAdminSelectWidget

    def valid_value(self, value: str) -> bool:
        return is_zone(value)


class CampaignForm(FrequencyForm):
    """The draft of a campaign with its limits.

    `conflict` lists what differs from what somebody else saved.
    """

    rule = RuleField(label="Rule", required=False)
    zone = ZoneField(label="Time zone", help_text="Start and end are what clocks show there.")
    starts_at = LocalTimeField(label="Starts", required=False, help_text="Empty: at once.")
    ends_at = LocalTimeField(label="Ends", required=False, help_text="Empty: never.")
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Campaign
        fields = FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conflict: list[str] = []
        zone = self.instance.zone
        self.initial["seen"] = self.instance.revision
        for name in ("starts_at", "ends_at"):
            instant = getattr(self.instance, name)
            if instant is not None:
                self.initial[name] = local_from_instant(instant, zone)
        field = self.fields.get("zone")  # not there for who may only look
        if isinstance(field, ZoneField):
            names = zone_names() if zone in zone_names() else (zone, *zone_names())
            field.choices = [(name, name.replace("_", " ")) for name in names]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in ("starts_at", "ends_at"):
            self._instant(cleaned, name)
        starts, ends = cleaned.get("starts_at"), cleaned.get("ends_at")
        if starts and ends and ends <= starts:
            self.add_error("ends_at", END_BEFORE_START)
        if self.instance.pk and cleaned.get("seen") != self.instance.revision:
            self._refuse_unseen(cleaned)
        return cleaned

    def _instant(self, cleaned: dict[str, Any], name: str) -> None:
        local, zone = cleaned.get(name), cleaned.get("zone")
        if local is None:
            return
        cleaned[name] = None
        if not zone:
            return  # the zone's own error says what is to be done
        try:
            cleaned[name] = instant_from_local(local, zone)
        except LocalTimeError as error:
            self.add_error(name, str(error))
        except OverflowError:
            self.add_error(name, "Use a year between 1 and 9999.")

    def _refuse_unseen(self, cleaned: dict[str, Any]) -> None:
        """Somebody saved meanwhile: say so, keep what was typed, and let it be saved knowingly."""
        last = last_step(self.instance)
        self.add_error(None, MEANWHILE.format(who=(last and last.by) or "Somebody"))
        typed = copy.copy(self.instance)
        for name, value in cleaned.items():
            if name in FIELDS and (value is not None or name in MAY_BE_EMPTY):
                setattr(typed, name, value)
        self.conflict = campaign_changes(draft_payload(self.instance), draft_payload(typed))
        data = QueryDict(mutable=True)
        data.update(self.data)
        data[self.add_prefix("seen")] = str(self.instance.revision)
        self.data = data
