"""The demonstration site's own template helpers: hues, icons, drawings."""

from django import template
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

HUE_STEP = 15


@register.filter
def hue_step(hue: int | str | None) -> int:
    """The nearest hue the style sheet knows: it has a `[data-hue]` rule for every 15 degrees.

    A strict Content-Security-Policy forbids `style="--hue: 131"`, hence the steps.

    >>> hue_step(131), hue_step(358), hue_step(None)
    (135, 0, 195)
    """
    if hue is None or hue == "":
        return 195
    return round(int(hue) / HUE_STEP) * HUE_STEP % 360


@register.simple_tag
def icon(name: str) -> SafeString:
    """A decorative drawing from the sprite; the words beside it carry the meaning."""
    return format_html(
        '<svg class="icon" width="20" height="20" aria-hidden="true" focusable="false">'
        '<use href="{}#{}"></use></svg>',
        static("img/icons.svg"),
        name,
    )


@register.filter
def drawing(image: str) -> str:
    """The address of a content item's or variant's image, a file under static/demo/.

    "" for none, and for one that was not there when the static files were collected: the words
    beside it are shown without a picture.
    """
    try:
        return static(f"demo/{image}") if image else ""
    except ValueError:
        return ""
