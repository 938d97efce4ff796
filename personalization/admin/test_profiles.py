"""Test profiles: invented visitors that drafts are previewed as."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from personalization.preview.models import TestDoing, TestInterest, TestProfile
from personalization.preview.subjects import profile_says, test_profiles
from tracking import selectors as tracking_selectors


class RowForm(forms.ModelForm):
    """A row of an inline: each field is named by its column, for those who do not see that."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            # Inside the admin's wrapper, where it has one.
            widget: Any = getattr(field.widget, "widget", field.widget)
            widget.attrs["aria-label"] = capfirst(field.label or "")


class DoingForm(RowForm):
    """Something the invented visitor did, chosen from the event types there are."""

    type = forms.ChoiceField(label="did", widget=UnfoldAdminSelectWidget)

    class Meta:
        model = TestDoing
        fields = ("type", "category", "times", "days")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields.get("type")  # not there for who may only look
        if isinstance(field, forms.ChoiceField):
            labels = tracking_selectors.event_type_labels()
            chosen = self.instance.type
            if chosen and chosen not in labels:
                labels[chosen] = f"{chosen} (not there any more)"
            field.choices = list(labels.items())
            field.initial = "page_view"


class DoingFormSet(forms.BaseInlineFormSet):
    """Whoever was last here before the days in question did nothing within them."""

    def clean(self) -> None:
        super().clean()
        last = self.instance.last_days
        for form in self.forms:
            days = form.cleaned_data.get("days") if hasattr(form, "cleaned_data") else None
            if form.cleaned_data.get("DELETE") or days is None or last is None or days > last:
                continue
            form.add_error(
                "days",
                ValidationError(f"They were last here {last} days ago: say more than {last} days."),
            )


class InterestInline(TabularInline):
    model = TestInterest
    form = RowForm
    hide_title = True
    extra = 0
    fields = ("category", "strength")


class DoingInline(TabularInline):
    model = TestDoing
    form = DoingForm
    formset = DoingFormSet
    hide_title = True
    verbose_name = "event"
    verbose_name_plural = "what they did"
    extra = 0


@admin.register(TestProfile)
class TestProfileAdmin(ModelAdmin):
    compressed_fields = False
    warn_unsaved_form = True
    empty = "An invented visitor, to preview drafts as: what they like, did, and agreed to."
    list_display = ("name", "says", "note")
    search_fields = ("name", "note")
    inlines = (InterestInline, DoingInline)
    fieldsets = (
        (None, {"fields": ("name", "note")}),
        ("Browser", {"fields": ("consent", ("device", "language"))}),
        ("Visits", {"fields": (("visits", "first_days", "last_days"),)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[TestProfile]:
        return test_profiles()

    @display(description="In words")
    def says(self, profile: TestProfile) -> str:
        return profile_says(profile)
