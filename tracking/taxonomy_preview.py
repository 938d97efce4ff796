"""What an edited event type would do, before it is saved: the parts of pages that show it.

Reads what the admin's list or form would post, asks the receivers of `weights_previewed` or
`half_lives_previewed`, and stores nothing.
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.template.loader import render_to_string

from tracking.decay_picture import decay_picture
from tracking.models import EventType
from tracking.signals import Consequence, half_lives_previewed, weights_previewed
from tracking.taxonomy_forms import HALF_LIVES, half_life_field, weight_field

PART = "admin/tracking/_consequences.html"
FADING = "admin/tracking/_fading.html"
_ROW = re.compile(r"form-([0-9]{1,4})-name")


class WeightChange(NamedTuple):
    """One event type whose posted weight is another than the saved one."""

    name: str
    label: str
    before: float
    after: float


class WeightsPosted(NamedTuple):
    """What differs from what is saved, and what cannot be read as a weight, in sentences."""

    changed: list[WeightChange]
    errors: list[str]


def weights_posted(posted: Mapping[str, str], *, only: str = "") -> WeightsPosted:
    """The weights of the posted list; of the posted form of one event type, `only`."""
    if only:
        typed = {only: posted.get("weight", "")}
    else:
        rows = [match[1] for key in posted if (match := _ROW.fullmatch(key))]
        typed = {posted[f"form-{row}-name"]: posted.get(f"form-{row}-weight", "") for row in rows}
    field, found = weight_field(), WeightsPosted([], [])
    for saved in EventType.objects.filter(pk__in=list(typed)):
        try:
            weight = field.clean(typed[saved.pk])
        except ValidationError as error:
            found.errors.append(f"{saved.label}: {error.messages[0]}")
            continue
        if weight != saved.weight:
            found.changed.append(WeightChange(saved.pk, saved.label, saved.weight, weight))
    return found


def consequences_render(request: HttpRequest, found: WeightsPosted) -> str:
    """The panel's inside: what is changed, and what each receiver says follows from it."""
    parts: list[Consequence] = []
    if found.changed and not found.errors:
        changes = {change.name: change.after for change in found.changed}
        answers: Any = weights_previewed.send(sender=EventType, changes=changes)
        parts = [answer for _, answer in answers if isinstance(answer, Consequence)]
    return render_to_string(PART, {"found": found, "parts": parts}, request)


def fading_render(request: HttpRequest, *, only: str, previews: bool) -> str:
    """The picture of the posted half-lives of the event type `only`, or what is wrong with them.

    With `previews`, also what each receiver says follows from half-lives that are not the saved
    ones.
    """
    field = half_life_field("Half-life")
    try:
        short, long = (field.clean(request.POST.get(name, "")) for name in HALF_LIVES)
    except ValidationError as error:
        return render_to_string(FADING, {"error": error.messages[0]})
    saved = EventType.objects.filter(pk=only).values_list(*HALF_LIVES).first() if only else None
    parts: list[Consequence] = []
    is_changed = saved is not None and saved != (short, long)
    if previews and is_changed and short < long:
        answers: Any = half_lives_previewed.send(
            sender=EventType, name=only, half_lives=(short, long)
        )
        parts = [answer for _, answer in answers if isinstance(answer, Consequence)]
    context = {"picture": decay_picture(short, long), "parts": parts}
    return render_to_string(FADING, context, request)
