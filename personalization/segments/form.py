"""The segment's form: its rule as rows, checked together with the segments it uses."""

from typing import Any

from django import forms

from personalization.forms import RuleField
from personalization.models import Segment
from personalization.segments.editing import full_error, rule_errors
from personalization.segments.resolving import segments_lock

INCOMPLETE = "The rule cannot be used: see what is marked in it."


class SegmentForm(forms.ModelForm):
    """A segment; an empty rule is one that holds nobody yet."""

    rule = RuleField(required=False, label="Who is in it")

    class Meta:
        model = Segment
        fields = ("name", "key", "note", "rule")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rule = self.fields.get("rule")  # not there for who may only look
        if rule is not None:
            rule.widget.lead = "In plain words: in the segment is who …"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if "rule" not in cleaned or self.errors:
            return cleaned
        segments_lock()  # until it is saved: what is checked here stays so
        named = Segment(
            pk=self.instance.pk, key=self.instance.key or cleaned["key"], name=cleaned["name"]
        )
        named._state.adding = self.instance._state.adding
        if named._state.adding and (full := full_error()):
            self.add_error(None, full)
        errors, broken = rule_errors(named, cleaned["rule"])
        if errors:
            self.fields["rule"].widget.errors = errors
            self.add_error("rule", INCOMPLETE)  # why stands beside the condition
        for message in broken:
            self.add_error("rule", message)
        return cleaned
