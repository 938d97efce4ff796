"""Forms of the admin: a rule edited as rows, tags as words."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from consent import selectors as consent_selectors
from personalization import selectors
from personalization.models import PICTURE_HELP, ContentItem, Variant
from personalization.pictures import picture_list, rich_show
from personalization.rich_text import links_refused, pictures_named, rich_render
from personalization.rule_form.names import Names
from personalization.rule_form.offers import kinds_by_group
from personalization.rule_form.posted import tree_errors, tree_from_posted
from personalization.rule_form.rows import (
    box_from_tree,
    filter_line_new,
    group_new,
    row_new,
)
from personalization.rule_form.words import EMPTY, rule_definitions, rule_sentence
from personalization.rules.dates import zone_names
from personalization.rules.tree import RuleError, rule_parse
from personalization.segments.resolving import segment_errors, segment_names
from tracking import selectors as tracking_selectors


def rule_names() -> Names:
    """What the form calls categories, event types and purposes."""
    return Names(
        categories=dict(selectors.category_list().values_list("slug", "name")),
        event_types=tracking_selectors.event_type_labels(),
        purposes={purpose.key: purpose.title for purpose in consent_selectors.purposes_active()},
        campaigns={str(key): name for key, name in selectors.campaign_names()},
        properties=tracking_selectors.event_properties(),
        segments=segment_names(),
    )


class RuleWidget(forms.Widget):
    """The rule as rows. `errors` are messages by field name, set when the rule was checked."""

    template_name = "admin/personalization/rule/widget.html"
    #: What stands over the rule's sentence.
    lead = "In plain words: shown when …"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        self.errors: dict[str, str] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "RuleWidget":
        # Errors belong to one form, whose fields are copies.
        copied = super().__deepcopy__(memo)
        copied.errors = {}
        return copied

    def _render(self, template_name: str, context: Any, renderer: Any = None) -> SafeString:
        # Forms look for templates in the apps only; ours stand with the project's.
        return render_to_string(template_name, context)

    def use_required_attribute(self, initial: Any) -> bool:
        return False

    def id_for_label(self, id_: str) -> str:
        return ""  # a group of fields with a legend; there is no one field to label

    def value_from_datadict(self, data: Any, files: Any, name: str) -> dict[str, Any]:
        return tree_from_posted(data)

    def value_omitted_from_data(self, data: Mapping[str, Any], files: Any, name: str) -> bool:
        return False

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        names = rule_names()
        errors = self.errors or (tree_errors(value) if value else {})
        return super().get_context(name, None, attrs) | {
            "box": box_from_tree(value, names, errors),
            "lead": self.lead,
            "segments": names.segments.items(),
            "sentence": sentence_or_empty(value, names),
            "kinds": kinds_by_group(),
            "rows": [row_new(kind, names) for _, kinds in kinds_by_group() for kind, _ in kinds],
            "group": group_new(),
            "zones": sorted(zone_names()),
            "definitions": rule_definitions(names),
            "filter_new": filter_line_new(names),
        }


class RuleField(forms.Field):
    """A rule tree, checked by the same parser that publishes it. {} is a rule not yet written."""

    widget = RuleWidget

    def bound_data(self, data: Any, initial: Any) -> Any:
        return data

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(initial != data)

    def clean(self, value: Any) -> Any:
        if not value:
            return {}
        errors = tree_errors(value) or segment_errors(value)
        if errors:
            self.widget.errors = errors
            raise ValidationError(
                "The rule is not complete: see what is marked in it."
                if len(errors) == 1
                else f"The rule is not complete: {len(errors)} places are marked in it."
            )
        return value


def sentence_or_empty(tree: Any, names: Names) -> str:
    """The rule in words, also one that is empty or not finished."""
    if not tree:
        return EMPTY
    try:
        sentence = rule_sentence(rule_parse(tree), names)
    except RuleError:
        return "The rule is not complete yet."
    return sentence[0].upper() + sentence[1:] + "."


class TagsField(forms.CharField):
    """A list of lowercase words, typed with commas between them."""

    widget = UnfoldAdminTextInputWidget

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        words = [word.strip().lower() for word in super().clean(value).split(",")]
        return list(dict.fromkeys(word for word in words if word))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(super().has_changed(self.prepare_value(initial), data))


class PictureField(forms.ChoiceField):
    """One of the pictures there are. A present one that is gone stays shown, and is refused."""

    widget = UnfoldAdminSelectWidget
    default_error_messages = {"invalid_choice": "There is no such picture."}

    def choices_set(self, present: str) -> None:
        self.choices = [("", "No picture"), *((name, name) for name in picture_list())]
        if present and not self.valid_value(present):
            gone = (present, f"{present} (not there any more)")
            self.widget.choices = [*self.choices, gone]


class PictureForm(forms.ModelForm):
    """A form with a picture to choose."""

    image = PictureField(label="Picture", required=False, help_text=PICTURE_HELP)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("image")  # not there for who may only look
        if isinstance(field, PictureField):
            field.choices_set(self.instance.image)


class BodyWidget(UnfoldAdminTextareaWidget):
    """Markdown with buttons for those who do not know it, and a preview as it is typed."""

    template_name = "admin/personalization/_body.html"

    def _render(self, template_name: str, context: Any, renderer: Any = None) -> SafeString:
        # Forms look for templates in the apps only; ours stand with the project's.
        return render_to_string(template_name, context)

    def get_context(self, name: str, value: Any, attrs: Any) -> dict[str, Any]:
        return {
            **super().get_context(name, value, attrs),
            "pictures": picture_list(),
            "html": rich_show(rich_render(str(value or ""))),
        }


class VariantForm(PictureForm):
    """A variant with its picture chosen and its Markdown checked."""

    class Meta:
        model = Variant
        fields = "__all__"  # noqa: DJ007, the admin's fieldsets say which
        widgets = {"body": BodyWidget(attrs={"rows": 8})}
        labels = {"eyebrow": "Small line above", "button_url": "Button leads to"}
        help_texts = {
            "eyebrow": "A word or two over the headline.",
            "button_url": "A page of the site, as /c/garden/, or an address with https://.",
        }

    def clean_body(self) -> str:
        body = str(self.cleaned_data["body"])
        wrong = [
            f"A link leads to “{address[:80]}”: use a page of this site (/c/garden/), https:// "
            "or mailto:."
            for address in links_refused(body)
        ]
        known = set(picture_list())
        wrong += [
            f"There is no picture “{name[:80]}”: choose one of the list."
            for name in pictures_named(body)
            if name not in known
        ]
        if wrong:
            raise ValidationError(wrong)
        return body


class ContentItemForm(PictureForm):
    """A content item with its picture chosen and its tags as words."""

    tags = TagsField(
        required=False, max_length=300, help_text="Words with commas between them: spring, soil."
    )

    class Meta:
        model = ContentItem
        fields = "__all__"  # noqa: DJ007, the admin's fieldsets say which
