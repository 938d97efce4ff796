"""`{% slot "home-hero" %}`: what this visitor sees in this place.

A slot that cannot be personalized renders its default; one that cannot be rendered leaves its
place empty and says why in the log. A page never breaks because personalization did.
"""

import logging
from typing import Any

from django import template
from django.template.loader import select_template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from personalization.pictures import rich_show

register = template.Library()
log = logging.getLogger(__name__)


@register.simple_tag(takes_context=True)
def slot(context: template.Context, key: str) -> SafeString:
    """Render a slot by `templates/personalization/slots/<key>.html`, or by `_variant.html`."""
    request = context["request"]
    try:
        decision = request.visitor.decide(key)
        if decision is None:
            log.warning("slot %r is in a template and not in the admin", key)
            return SafeString("")
        chosen = select_template(
            [f"personalization/slots/{key}.html", "personalization/slots/_variant.html"]
        )
        inner: dict[str, Any] = {"slot": key, "decision": decision, "content": decision.content}
        body = SafeString(chosen.render(inner))
    except Exception:
        log.exception("slot %r is not rendered", key)
        return SafeString("")
    if not decision.personalized:
        return format_html('<div class="slot" data-attune-slot="{}">{}</div>', key, body)
    why = SafeString(select_template(["personalization/_why.html"]).render(inner))
    return format_html(
        '<div class="slot" data-attune-slot="{}" data-attune-campaign="{}"'
        ' data-attune-variant="{}" data-attune-version="{}">{}{}</div>',
        key,
        decision.campaign.id,
        decision.campaign.variant_id,
        decision.version,
        body,
        why,
    )


@register.filter
def rich(html: object) -> SafeString:
    """`{{ content.body|rich }}`: a variant's words with their form, and nothing that could act."""
    return rich_show(str(html or ""))
