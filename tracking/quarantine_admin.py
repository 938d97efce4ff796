"""Imports and quarantine: what could not be used, why, what to do, and trying it again.

Payloads come from anybody: they are shown as text, escaped, with invisible characters spelled out.
"""

import json
import unicodedata
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from consent.readonly import ReadOnlyAdmin
from tracking import replay, selectors
from tracking.imports.mapping import MappingError, mapping_parse
from tracking.models import ImportRun, Quarantine, QuarantineReplay
from tracking.remedies import REMEDIES

EXCERPT_CHARS = 90
#: Parts of an event that nobody tells it by.
ALIKE = frozenset({"id", "at", "visit", "view", "visitor", "line"})


class MappingForm(forms.ModelForm):
    """A run's mapping, mended: checked as the command checks it before the first line."""

    class Meta:
        model = ImportRun
        fields = ("mapping",)
        widgets = {
            "mapping": UnfoldAdminTextareaWidget(
                {"rows": 20, "spellcheck": "false", "class": "at-code"}
            )
        }

    def clean_mapping(self) -> str:
        text = self.cleaned_data["mapping"]
        try:
            mapping = mapping_parse(text)
        except MappingError as error:
            raise forms.ValidationError(str(error)) from error
        if mapping.name != self.instance.source:
            raise forms.ValidationError(
                f"The name is part of every id and must stay {self.instance.source!r}."
            )
        unknown = sorted(mapping.event_types() - selectors.event_schemas().keys())
        if unknown:
            raise forms.ValidationError(f"There is no event type {', '.join(unknown)}.")
        columns = self.instance.columns
        if columns and (missing := sorted(mapping.columns() - set(columns))):
            raise forms.ValidationError(
                f"The file has no column {', '.join(missing)}. It has: {', '.join(columns)}."
            )
        return text


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnlyAdmin):
    """Imports are looked at; a mapping is mended, to try its refused lines again."""

    form = MappingForm
    explanation = (
        "Each file that manage.py import_events has read, with how far it is. Open one to mend its "
        "mapping, then try its refused lines again in Quarantine."
    )
    empty = "No file was imported yet. manage.py import_events does it; see docs/importing.md."
    list_display = (
        "file_name", "source", "state", "line", "queued", "quarantined", "started_at",
        "finished_at",
    )  # fmt: skip
    list_filter = ("source",)
    search_fields = ("file_name", "source")
    fields = (
        "file_name", "source", "purposes", "line", "queued", "quarantined", "started_at",
        "finished_at", "refused_lines", "mapping",
    )  # fmt: skip
    readonly_fields = fields[:-1]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_replay(request)

    @display(description="State", label={"Finished": "success", "Not finished": "warning"})
    def state(self, run: ImportRun) -> str:
        return "Finished" if run.finished_at else "Not finished"

    @display(description="In quarantine")
    def refused_lines(self, run: ImportRun) -> str:
        url = reverse("admin:tracking_quarantine_changelist")
        return format_html(
            '<a class="at-link" href="{}?run__id__exact={}">{} rows</a>',
            url,
            run.pk,
            f"{run.refused.count():,}",
        )


class QuarantineAdminBase(ReadOnlyAdmin):
    """For superusers, and those who may change imports."""

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return _may_replay(request) or super().has_view_permission(request, obj)

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return _may_replay(request)


def _may_replay(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("tracking.change_importrun"))


@admin.register(Quarantine)
class QuarantineAdmin(QuarantineAdminBase):
    list_display = ("refused_at", "reason_label", "excerpt", "what_is_wrong", "source", "place")
    list_filter = (
        "reason",
        "source",
        "whole",
        "refused_at",
        ("run", admin.RelatedOnlyFieldListFilter),
    )
    list_before_template = "admin/tracking/_quarantine_hint.html"
    empty = "Nothing waits here to be mended."
    change_form_outer_before_template = "admin/tracking/_quarantine_actions.html"
    search_fields = ("detail", "payload")
    search_help_text = "Words of what came, or of what is wrong with it."
    actions = ("try_again",)
    fields = (
        "reason_label", "remedy", "what_is_wrong", "source", "place", "refused_at", "received_at",
        "state", "content",
    )  # fmt: skip
    readonly_fields = fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.has_perm("tracking.delete_quarantine"))

    @admin.action(description="Try again", permissions=["replay"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[Quarantine]) -> None:
        ids = list(queryset.order_by().values_list("pk", flat=True)[: replay.AT_ONCE + 1])
        if len(ids) > replay.AT_ONCE:
            begun = replay.replay_begin(rows=queryset, by=request.user.get_username())
            said = (
                '{} rows are tried again in the background: <a class="at-link" href="{}">see</a>.'
            )
            url = reverse("admin:tracking_quarantinereplay_changelist")
            messages.success(request, format_html(said, f"{begun.total:,}", url))
            return
        result = replay.quarantine_replay(ids=ids)
        level = messages.WARNING if result.kept else messages.SUCCESS
        self.message_user(request, _result_words(result), level)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        running = QuarantineReplay.objects.filter(finished_at=None)
        context = {"replays_running": running} | (extra_context or {})
        return super().changelist_view(request, context)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["may_replay"] = self.has_replay_permission(request)
        return super().render_change_form(request, context, *args, **kwargs)

    # Deleting a hundred thousand rows is one statement, confirmed as one figure.

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        count = objs.count() if isinstance(objs, QuerySet) else len(objs)
        denied = set() if self.has_delete_permission(request) else {"quarantined row"}
        return [], {"quarantined rows": count}, denied, []

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return None

    @display(description="Reason", ordering="reason", label=True)
    def reason_label(self, row: Quarantine) -> str:
        return row.reason

    @display(description="What came")
    def excerpt(self, row: Quarantine) -> str:
        return payload_excerpt(row.payload) or "–"

    @display(description="What is wrong")
    def what_is_wrong(self, row: Quarantine) -> str:
        return text_visible(row.detail) or "–"

    @display(description="Line")
    def place(self, row: Quarantine) -> str:
        return f"{row.line:,}" if row.line is not None else "–"

    @display(description="What to do")
    def remedy(self, row: Quarantine) -> str:
        return REMEDIES.get(row.reason, "See docs/errors.md.")  # type: ignore[call-overload]

    @display(description="State")
    def state(self, row: Quarantine) -> str:
        if row.replay_id:
            return "Is being tried again"
        return "Can be tried again" if row.whole else "Too little was kept to try it again"

    @display(description="What came")
    def content(self, row: Quarantine) -> str:
        shown = payload_pretty(row.payload, row.run.columns if row.run and row.is_line else [])
        return format_html('<pre class="at-code at-scroll" tabindex="0">{}</pre>', shown or "–")


@admin.register(QuarantineReplay)
class QuarantineReplayAdmin(QuarantineAdminBase):
    """Replays in the background: how far they are, and stopping them."""

    list_display = (
        "started_at",
        "started_by",
        "state",
        "progress",
        "mended",
        "still_failing",
        "finished_at",
    )
    list_display_links = None
    explanation = (
        f"More than {replay.AT_ONCE} rows of the quarantine are tried again in the background: "
        "here is how far that is. Tick one that is under way to stop it."
    )
    empty = "Nothing was tried again in the background."
    actions = ("cancel",)

    @admin.action(description="Stop", permissions=["replay"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[QuarantineReplay]) -> None:
        ids = queryset.values_list("pk", flat=True)
        stopped = sum(replay.replay_cancel(replay_id=replay_id) for replay_id in ids)
        self.message_user(request, f"{stopped} stopped; what was not tried yet stays as it was.")

    @display(
        description="State",
        label={"Finished": "success", "Under way": "info", "Stopped": "warning"},
    )
    def state(self, row: QuarantineReplay) -> str:
        if row.cancelled:
            return "Stopped"
        return "Finished" if row.finished_at else "Under way"

    @display(description="Out of quarantine", ordering="done")
    def mended(self, row: QuarantineReplay) -> str:
        return f"{row.done:,}"

    @display(description="Still fail", ordering="failed")
    def still_failing(self, row: QuarantineReplay) -> str:
        return f"{row.failed:,}"

    @display(description="Tried")
    def progress(self, row: QuarantineReplay) -> str:
        tried = row.done + row.failed
        return format_html(
            '<span class="at-progress"><span class="at-bar" style="--part: {}%" aria-hidden="true">'
            "</span>{} of {}</span>",
            round(100 * tried / row.total) if row.total else 100,
            f"{tried:,}",
            f"{row.total:,}",
        )


def _result_words(result: replay.Replayed) -> str:
    """
    >>> _result_words(replay.Replayed(accepted=2, kept=1, gone=0))
    '2 sent on to the event store, 1 failed again.'
    >>> _result_words(replay.Replayed())
    'There was nothing left to try again.'
    """
    counts = (
        (result.accepted, "sent on to the event store"),
        (result.kept, "failed again"),
        (result.gone, "deleted: consent was withdrawn, or nobody can mend them"),
    )
    said = ", ".join(f"{count:,} {words}" for count, words in counts if count)
    return f"{said}." if said else "There was nothing left to try again."


def payload_pretty(payload: str, columns: list[str]) -> str:
    """JSON with line breaks, a line of a log with the names of its columns; else as it is.

    >>> print(payload_pretty('["a","b"]', ["x", "y"]))
    {
      "x": "a",
      "y": "b"
    }
    >>> payload_pretty("half a line", [])
    'half a line'
    """
    try:
        value = json.loads(payload)
        if isinstance(value, list) and len(value) == len(columns):
            value = dict(zip(columns, value, strict=True))
        return text_visible(json.dumps(value, indent=2, ensure_ascii=False))
    except (ValueError, RecursionError):
        return text_visible(payload)


def payload_excerpt(payload: str) -> str:
    """What tells a row from others, in a line.

    >>> payload_excerpt('{"id": "0193", "type": "click", "at": 1, "path": "/a", "item": "beds"}')
    'type: click, path: /a, item: beds'
    >>> payload_excerpt('["2019-10-01", "lend"]')
    '2019-10-01, lend'
    """
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        value = [f"{name}: {part}" for name, part in value.items() if name not in ALIKE]
    text = ", ".join(map(str, value)) if isinstance(value, list) else payload
    text = text_visible(" ".join(text.split()))
    return text[:EXCERPT_CHARS] + "…" if len(text) > EXCERPT_CHARS else text


def text_visible(text: str) -> str:
    """Text in which nothing hides: control and direction marks are spelled out.

    >>> text_visible("a\\u202eb\\x07")
    'a\\\\u202eb\\\\u0007'
    """
    return "".join(
        f"\\u{ord(char):04x}" if char != "\n" and unicodedata.category(char)[0] == "C" else char
        for char in text
    )
