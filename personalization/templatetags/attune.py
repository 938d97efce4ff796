"""`{% slot "home-hero" %}`: what this visitor sees in this place.

A slot that cannot be personalized renders its default; one that cannot be rendered leaves its
place empty and says why in the log. A page never breaks because personalization did.
"""

import logging
from typing import Any

from django import template
from django.conf import settings
from django.template.loader import select_template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from personalization.decide import Decision, RuleSet
from personalization.pictures import rich_show

#: Slots' bodies that a process keeps of one version.
MOST_BODIES = 2000

register = template.Library()
log = logging.getLogger(__name__)


@register.simple_tag(takes_context=True)
def slots(context: template.Context, *keys: str) -> str:
    """`{% slots "home-hero" "home-strip" %}`: decide together what the page will show below.

    Not needed, but then each slot whose campaign has limits is counted in a round trip of its own.
    """
    try:
        context["request"].visitor.decide_all(keys)
    except Exception:
        log.exception("slots %r are not decided together", keys)
    return ""


@register.simple_tag(takes_context=True)
def slot(context: template.Context, key: str) -> SafeString:
    """Render a slot by `templates/personalization/slots/<key>.html`, or by `_variant.html`."""
    request = context["request"]
    try:
        decision = request.visitor.decide(key)
        if decision is None:
            log.warning("slot %r is in a template and not in the admin", key)
            return SafeString("")
        body = _body(request.visitor.known.ruleset, decision)
        inner: dict[str, Any] = {"slot": key, "decision": decision}
        inner |= _outcomes(decision, request.get_full_path())
    except Exception:
        log.exception("slot %r is not rendered", key)
        return SafeString("")
    if not decision.personalized:
        return format_html('<div class="slot" data-attune-slot="{}">{}</div>', key, body)
    tools = SafeString(
        "".join(
            select_template([f"personalization/{name}.html"]).render(inner)
            for name in ("_why", "_dismiss")
        )
    )
    return format_html(
        '<div class="slot" data-attune-slot="{}" data-attune-campaign="{}"'
        ' data-attune-variant="{}" data-attune-version="{}"{}>{}'
        '<div class="slot__tools" data-slot-tools>{}</div></div>',
        key,
        decision.campaign.id,
        decision.campaign.variant_id,
        decision.version,
        format_html(' data-pause-click="{}"', inner["click_url"]) if inner["click_url"] else "",
        body,
        tools,
    )


def _body(ruleset: RuleSet, decision: Decision) -> SafeString:
    """What a slot shows, rendered once for each version, variant, category and language.

    The template is given nothing of the visitor or the page, so it is the same for all of them.
    """
    key, campaign = decision.slot, decision.campaign
    shown = (campaign.id, campaign.variant_id) if campaign else None
    name = (key, shown, decision.content["category"], get_language())
    body = ruleset.rendered.get(name)
    if body is None:
        chosen = select_template(
            [f"personalization/slots/{key}.html", "personalization/slots/_variant.html"]
        )
        body = SafeString(chosen.render({"slot": key, "content": decision.content}))
        if len(ruleset.rendered) < MOST_BODIES and not settings.DEBUG:
            ruleset.rendered[name] = body
    return body


def _outcomes(decision: Decision, path: str) -> dict[str, str]:
    """Where a dismissal and a click are told, "" where they give the campaign no pause."""
    frequency = decision.frequency
    if frequency is None or not (frequency.after_dismissal or frequency.after_click):
        return {"dismiss_url": "", "click_url": "", "path": path}
    try:
        url = reverse("slot_outcome")
    except NoReverseMatch:
        log.warning("personalization.urls are not among the site's: nothing can be dismissed")
        url = ""
    return {
        "dismiss_url": url if frequency.after_dismissal else "",
        "click_url": url if frequency.after_click else "",
        "path": path,
    }


@register.filter
def rich(html: object) -> SafeString:
    """`{{ content.body|rich }}`: a variant's words with their form, and nothing that could act."""
    return rich_show(str(html or ""))
