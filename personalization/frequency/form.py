"""The part of the campaign form that says how often; and its summary in one sentence."""

from typing import Any

from django import forms
from django.http import QueryDict
from unfold.widgets import UnfoldAdminSelectWidget

from personalization.frequency.models import Counted, Limited, Per, PressureBudget, Unit
from personalization.frequency.words import budget_sentence, frequency_sentence
from personalization.models import Campaign
from tracking import selectors as tracking_selectors

FREQUENCY_FIELDS = (
    "cap_count", "cap_length", "cap_unit", "pause_dismissed_days", "pause_clicked_days",
    "pause_event", "pause_event_days", "exclusion_group", "budget_exempt",
    "capacity_count", "capacity_counted", "capacity_per",
)  # fmt: skip
FREQUENCY_FIELDSET = (
    "How often",
    {
        "fields": (
            "frequency_summary",
            ("cap_count", "cap_length", "cap_unit"),
            ("pause_dismissed_days", "pause_clicked_days"),
            ("pause_event", "pause_event_days"),
            ("exclusion_group", "budget_exempt"),
            ("capacity_count", "capacity_counted", "capacity_per"),
        )
    },
)
DAYS_MISSING = "Say for how many days it pauses."
EVENT_MISSING = "Choose what it pauses after, or leave the days empty."


class FrequencyForm(forms.ModelForm):
    """A campaign's limits; every one may be left out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("cap_length", "cap_unit", "capacity_counted", "capacity_per"):
            if name in self.fields:  # not there for who may only look
                self.fields[name].required = False
        if "pause_event" in self.fields:
            self.fields["pause_event"] = forms.ChoiceField(
                required=False,
                label=self.fields["pause_event"].label,
                help_text=self.fields["pause_event"].help_text,
                choices=[("", "Nothing"), *self._event_types()],
                widget=UnfoldAdminSelectWidget,
            )

    def _event_types(self) -> list[tuple[str, str]]:
        """Those there are, and the one chosen, should it be gone."""
        labels = tracking_selectors.event_type_labels()
        chosen = self.instance.pause_event
        if chosen and chosen not in labels:
            labels[chosen] = f"{chosen} (not there any more)"
        return list(labels.items())

    def clean_cap_length(self) -> int:
        return self.cleaned_data["cap_length"] or Limited._meta.get_field("cap_length").default

    def clean_cap_unit(self) -> str:
        return self.cleaned_data["cap_unit"] or Unit.DAYS

    def clean_capacity_counted(self) -> str:
        return self.cleaned_data["capacity_counted"] or Counted.VISITORS

    def clean_capacity_per(self) -> str:
        return self.cleaned_data["capacity_per"] or Per.EVER

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        event, days = cleaned.get("pause_event"), cleaned.get("pause_event_days")
        if event and not days and "pause_event_days" not in self.errors:
            self.add_error("pause_event_days", DAYS_MISSING)
        elif days and not event and "pause_event" not in self.errors:
            self.add_error("pause_event", EVENT_MISSING)
        return cleaned


def frequency_posted(posted: QueryDict) -> str:
    """The summary of limits that are being edited, or what is wrong with them."""
    form = forms.modelform_factory(Campaign, form=FrequencyForm, fields=FREQUENCY_FIELDS)(posted)
    if form.is_valid():
        return frequency_summary(form.instance)
    name, messages = next(iter(form.errors.items()))
    label = f"{form.fields[name].label}. " if name in form.fields else ""
    return f"Not complete yet: {label}{messages[0]}"


def frequency_summary(campaign: Limited) -> str:
    """A campaign's limits as one sentence, and the budget beside them."""
    own = campaign.frequency
    group = campaign.exclusion_group
    sentence = frequency_sentence(own, {str(group.pk): {"name": group.name}} if group else {})
    budget = PressureBudget.objects.exclude(count=None).first()
    if budget is None or own.get("exempt"):
        return sentence
    words = budget_sentence({"count": budget.count, "unit": "days", "length": budget.days})
    return f"{sentence} With all other campaigns together {words}."
