"""Forms of an event type: what it counts, how it fades, what it may carry.

An error says which field, what is wrong, and where it matters who may change it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextInputWidget

from tracking.models import EventType

MAX_WEIGHT = 1000.0
MIN_HALF_LIFE, MAX_HALF_LIFE = 0.01, 3650.0
MAX_REPEAT_MS = 60_000
MAX_RETENTION_DAYS = 3650
#: As many as an event may carry (tracking.pipeline.wire).
MAX_PROPERTIES = 20

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
PROPERTY_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
PROPERTY_KINDS = {
    "text": "Text",
    "number": "Number",
    "integer": "Whole number",
    "boolean": "Yes or no",
    "id": "Identifier",
    "list": "List of texts",
}


class ShortNumberInput(UnfoldAdminTextInputWidget):
    """Shows 10 for 10.0."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__({"inputmode": "decimal", "autocomplete": "off", **attrs})

    def format_value(self, value: Any) -> str | None:
        return f"{value:.15g}" if isinstance(value, float) else super().format_value(value)


def _number(label: str, low: float, high: float, *, whole: bool = False, **options: Any) -> Any:
    """A field whose every refusal says the same: the label and its range."""
    what = "a whole number" if whole else "a number"
    said = f"{label}: use {what} from {low:,.15g} to {high:,.15g}."
    if not options.get("required", True):
        said = said[:-1] + ", or leave it empty."
    field: Any = forms.IntegerField if whole else forms.FloatField
    names = ("required", "invalid", "min_value", "max_value")
    return field(
        label=label,
        min_value=low,
        max_value=high,
        error_messages=dict.fromkeys(names, said),
        widget=ShortNumberInput(inputmode="numeric" if whole else "decimal"),
        **options,
    )


def weight_field() -> forms.FloatField:
    field: forms.FloatField = _number("Weight", 0, MAX_WEIGHT)
    return field


def half_life_field(label: str) -> forms.FloatField:
    field: forms.FloatField = _number(label, MIN_HALF_LIFE, MAX_HALF_LIFE)
    return field


class WeightForm(forms.ModelForm):
    """One row of the list: what one unit of a signal counts."""

    weight = weight_field()

    class Meta:
        model = EventType
        fields = ("weight",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            attrs = self.fields["weight"].widget.attrs
            attrs["aria-label"] = f"Weight of {self.instance.label.lower()}"
            if self.is_bound and self.errors.get("weight"):
                attrs["aria-describedby"] = f"{self.prefix}-weight-error"
                attrs["aria-invalid"] = "true"


# --- What an event may carry -------------------------------------------------------------------


class PropertyRow(NamedTuple):
    """One row of the editor as it is shown, with what is wrong with it."""

    name: str
    kind: str
    error: str = ""


class PropertiesWidget(forms.Widget):
    """Properties as rows: `properties-0-name`, `properties-0-kind` and so on, blank names ignored.

    `errors` are messages by row, set when the rows were checked.
    """

    template_name = "admin/tracking/_properties.html"
    #: Blank rows for browsers without our script, which adds rows as they are needed.
    SPARE = 2

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.errors: dict[int, str] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "PropertiesWidget":
        copied = super().__deepcopy__(memo)
        copied.errors = {}  # they belong to one form, whose fields are copies
        return copied

    def _render(self, template_name: str, context: Any, renderer: Any = None) -> SafeString:
        # Forms look for templates in the apps only; ours stand with the project's.
        return render_to_string(template_name, context)

    def use_required_attribute(self, initial: Any) -> bool:
        return False

    def id_for_label(self, id_: str) -> str:
        return ""  # a group of fields with a legend; there is no one field to label

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return False

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[tuple[str, str]]:
        """The rows as posted, in their order, blank ones too: errors belong to a place."""
        place = re.compile(rf"{re.escape(name)}-([0-9]{{1,3}})-name")
        found = sorted(int(match[1]) for key in data if (match := place.fullmatch(key)))
        return [
            (data.get(f"{name}-{row}-name", "").strip(), data.get(f"{name}-{row}-kind", ""))
            for row in found
        ]

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        pairs = list(value.items()) if isinstance(value, dict) else list(value or ())
        rows = [
            PropertyRow(row, kind, self.errors.get(index, ""))
            for index, (row, kind) in enumerate(pairs)
        ]
        return super().get_context(name, None, attrs) | {
            "name": name,
            "rows": rows,
            "spare": [len(rows) + index for index in range(self.SPARE)],
            "kinds": list(PROPERTY_KINDS.items()),
            "most": MAX_PROPERTIES,
        }


class PropertiesField(forms.Field):
    """The schema of an event type's properties: name -> kind of value."""

    widget = PropertiesWidget

    def bound_data(self, data: Any, initial: Any) -> Any:
        return data

    def has_changed(self, initial: Any, data: Any) -> bool:
        return list((initial or {}).items()) != [pair for pair in data if pair[0]]

    def clean(self, value: Any) -> dict[str, str]:
        errors = dict(_property_errors(value))
        if errors:
            self.widget.errors = errors
            count = len(errors)
            raise ValidationError(
                "Properties: "
                + ("a row is" if count == 1 else f"{count} rows are")
                + " marked; mend or remove what is marked."
            )
        properties = {name: kind for name, kind in value if name}
        if len(properties) > MAX_PROPERTIES:
            raise ValidationError(
                f"Properties: an event carries at most {MAX_PROPERTIES}, remove "
                f"{len(properties) - MAX_PROPERTIES}."
            )
        return properties


def _property_errors(rows: list[tuple[str, str]]) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    for index, (name, kind) in enumerate(rows):
        if not name:
            continue
        if not PROPERTY_NAME.fullmatch(name):
            yield (
                index,
                (
                    "Name: use letters, digits and _, beginning with a letter, at most 40, "
                    "exactly as the page sends it."
                ),
            )
        elif name in seen:
            yield index, f"Name: there is already a property “{name}”."
        elif kind not in PROPERTY_KINDS:
            yield index, "Kind: choose one of the list."
        seen.add(name)


# --- The whole event type ----------------------------------------------------------------------

HALF_LIVES = ("half_life_short", "half_life_long")


class EventTypeForm(forms.ModelForm):
    """An event type. What it is (name, kind, unit) is given once, when it is added."""

    weight = weight_field()
    value_cap = _number("Largest value", 0.01, 1_000_000, required=False)
    half_life_short = half_life_field("What a visitor wants now")
    half_life_long = half_life_field("What a visitor likes")
    properties = PropertiesField(label="Properties", required=False)
    repeat_ms = _number("Rapid repeats", 0, MAX_REPEAT_MS, whole=True)
    retention_days = _number("Keep for", 1, MAX_RETENTION_DAYS, whole=True, required=False)

    class Meta:
        model = EventType
        fields = (
            "label", "name", "kind", "unit", "weight", "value_cap", *HALF_LIVES, "properties",
            "repeat_ms", "retention_days",
        )  # fmt: skip
        error_messages = {
            "label": {"required": "Label: write what people read."},
            "name": {"required": "Name: write what pages send."},
            "kind": {"required": "Kind: choose one."},
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, text in HELP.items():
            if name in self.fields:
                self.fields[name].help_text = text
                if not self.instance.pk:  # fields written out here do not know the model's defaults
                    self.fields[name].initial = getattr(self.instance, name)
        if self.instance.pk and self.instance.unit == EventType.Unit.EVENT:
            self.fields.pop("value_cap", None)

    def clean_label(self) -> str:
        label = " ".join(self.cleaned_data["label"].split())
        if not label.isprintable():
            raise ValidationError("Label: use letters, digits and signs that can be seen.")
        return label

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        if not NAME.fullmatch(name):
            raise ValidationError(
                "Name: use small letters, digits and _, beginning with a letter, at most 40. "
                "Choose well: after the first save nobody can change it."
            )
        if EventType.objects.filter(pk=name).exists():
            raise ValidationError(
                f"Name: there is already an event type “{name}”. Choose another name, or change "
                "that one."
            )
        return name

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        short, long = (cleaned.get(name) for name in HALF_LIVES)
        if short is not None and long is not None and short >= long:
            self.add_error(
                "half_life_short",
                "What a visitor wants now: must fade faster than what they like "
                f"({long:.15g} days). Make this one shorter or the other one longer.",
            )
        counts_once = cleaned.get("unit") == EventType.Unit.EVENT
        if counts_once and cleaned.get("value_cap") is not None:
            self.add_error(
                "value_cap",
                "Largest value: an event that counts “per event” reports no value. Leave it empty, "
                "or choose another unit.",
            )
        return cleaned


HELP = {
    "label": "What people read: “Brochure requested”.",
    "name": "What pages send: small letters, digits and _. Cannot be changed after the first save.",
    "kind": "Active acts say more than passive signs; negative ones take away from an interest. "
    "Cannot be changed after the first save.",
    "unit": "What one weight is for. Cannot be changed after the first save.",
    "weight": "How much one unit adds to an interest.",
    "value_cap": "The most one page view can report, in units. Counts for events from now on.",
    "half_life_short": "Days until an event counts half.",
    "half_life_long": "Days until an event counts half.",
    "repeat_ms": "Milliseconds within which repeats on the same element count once; 0: every one "
    "counts. A double click takes about 300.",
    "retention_days": "Days until events of this type are deleted; empty: as long as the site "
    "keeps events.",
}
