"""Purposes are edited here; what visitors decided is only looked at."""

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin

from consent import services
from consent.models import ConsentDecision, EffectiveConsent, NoticeVersion, Purpose
from consent.readonly import ReadOnlyAdmin


class PurposeForm(forms.ModelForm):
    """The text of a purpose, and whether the edit changes what visitors agreed to."""

    material = forms.BooleanField(
        required=False,
        label="This changes what the purpose means",
        help_text=(
            "Everyone who granted it is asked again, and what is known of them is erased. "
            "Leave off for corrections of wording."
        ),
    )

    class Meta:
        model = Purpose
        fields = ("key", "title", "description", "collected", "retention", "order", "is_active")
        help_texts = {
            "is_active": "Switching it off erases what is known of everyone who granted it."
        }


@admin.register(Purpose)
class PurposeAdmin(ModelAdmin):
    form = PurposeForm
    list_display = ("title", "key", "version", "order", "is_active")
    readonly_fields = ("version",)
    fields = (*PurposeForm.Meta.fields, "material", "version")

    def get_readonly_fields(
        self, request: HttpRequest, obj: Purpose | None = None
    ) -> tuple[str, ...]:
        return ("version", "key") if obj else ("version",)

    def has_delete_permission(self, request: HttpRequest, obj: Purpose | None = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: Purpose, form: PurposeForm, change: bool
    ) -> None:
        material = change and form.cleaned_data["material"]
        services.purpose_save(purpose=obj, material=material, now=timezone.now())


@admin.register(NoticeVersion)
class NoticeVersionAdmin(ReadOnlyAdmin):
    explanation = (
        "The notices that visitors were shown, to the letter: what each choice was made under."
    )
    empty = "No notice has been shown yet."
    list_display = ("sha256", "locale", "created_at")


@admin.register(ConsentDecision)
class ConsentDecisionAdmin(ReadOnlyAdmin):
    explanation = "Each choice as a visitor made it: when, with which control, and for what."
    empty = "No visitor has chosen yet."
    list_display = ("decided_at", "control", "states", "gpc_seen", "visitor_id")
    list_filter = ("control", "gpc_seen")
    search_fields = ("visitor_id",)
    show_full_result_count = False


@admin.register(EffectiveConsent)
class EffectiveConsentAdmin(ReadOnlyAdmin):
    explanation = (
        "What holds for each visitor now, made from their choices: the only thing the gate reads."
    )
    empty = "No visitor has chosen yet."
    list_display = ("visitor_id", "granted", "decided_at", "expires_at", "fenced_at")
    search_fields = ("visitor_id",)
    show_full_result_count = False
