"""In the worker: what an event implies and does not say.

How a visitor came (`medium`), from the campaign the address named, the kind of click id in it,
or the host they came from; what an event is about, from the item it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from tracking.pipeline.hosts import COUNTRY_HOST, HOSTS, SEARCH_NAMES

if TYPE_CHECKING:  # steps.py lists the step that is defined here
    from tracking.pipeline.steps import Batch, Event, Receipt
    from tracking.pipeline.wire import Refusal

#: What `medium` can be; "" where an event says nothing of how its visitor came.
MEDIA = ("direct", "search", "social", "email", "paid", "referral", "internal")

#: What each kind of click id means. Some are added to every link out of a place, not only to ads.
CLICK_IDS: Mapping[str, str] = {
    **dict.fromkeys(
        ("gclid", "gbraid", "wbraid", "dclid", "gad_source", "msclkid", "ttclid", "twclid",
         "li_fat_id", "rdt_cid", "sccid", "epik", "yclid", "irclid"),
        "paid",
    ),
    **dict.fromkeys(("fbclid", "igshid"), "social"),
    **dict.fromkeys(("mc_cid", "mc_eid", "_kx"), "email"),
}  # fmt: skip

#: What `utm_medium` is written as, by https://support.google.com/analytics/answer/9756891.
UTM_MEDIA: Mapping[str, str] = {
    **dict.fromkeys(
        ("cpc", "ppc", "cpm", "cpv", "cpa", "cpp", "cpi", "retargeting", "display", "banner", "ads",
         "ad", "interstitial", "expandable"),
        "paid",
    ),
    **dict.fromkeys(("email", "e-mail", "e_mail", "mail", "newsletter"), "email"),
    **dict.fromkeys(
        ("social", "social-network", "social-media", "social_network", "social_media", "sm"),
        "social",
    ),
    **dict.fromkeys(("organic", "search"), "search"),
}  # fmt: skip


class ItemFacts(NamedTuple):
    """What an item is about."""

    category: str
    content_type: str


def enrich(event: Event, receipt: Receipt, batch: Batch) -> Event | Refusal:
    """Say how the visitor came (page views), and what a described item is about."""
    if event.type == "page_view":
        medium = medium_of(event.referrer_host, event.properties or {}, batch.hosts)
        # A log says nothing of where its visitors came from.
        event.medium = medium or ("" if receipt.visitor_id is None else "direct")
    if event.item and (facts := batch.items.get(event.item)) is not None:
        event.category = event.category or facts.category
        event.content_type = event.content_type or facts.content_type
    return event


def medium_of(
    referrer_host: str, properties: Mapping[str, object], own_hosts: frozenset[str]
) -> str:
    """How a visitor came to a page, one of MEDIA; "" when nothing tells.

    A campaign's own word counts most, then a click id, then the host.

    >>> medium_of("www.google.com", {}, frozenset())
    'search'
    >>> medium_of("www.google.com", {"utm_medium": "cpc"}, frozenset())
    'paid'
    >>> medium_of("shop.example", {}, frozenset({"shop.example"}))
    'internal'
    """
    if properties:
        if medium := _campaign_medium(properties):
            return medium
        is_tagged = any(name.startswith("utm_") for name in properties)
        if is_tagged and not referrer_host:
            return "referral"  # by a link that somebody has made
    return host_medium(referrer_host, own_hosts) if referrer_host else ""


def _campaign_medium(properties: Mapping[str, object]) -> str:
    written = str(properties.get("utm_medium", "")).strip().lower()
    if written.startswith("paid"):
        return "paid"
    return UTM_MEDIA.get(written) or CLICK_IDS.get(str(properties.get("click_id", "")), "")


@lru_cache(maxsize=4096)
def host_medium(host: str, own_hosts: frozenset[str]) -> str:
    """The medium a referring host stands for; `own_hosts` as in Django's ALLOWED_HOSTS.

    >>> host_medium("l.facebook.com", frozenset()), host_medium("mail.google.com", frozenset())
    ('social', 'email')
    >>> host_medium("www.google.co.uk", frozenset()), host_medium("docs.google.com", frozenset())
    ('search', 'referral')
    >>> host_medium("a.shop.example", frozenset({".shop.example"}))
    'internal'
    """
    parents = list(_parents(host))
    if host in own_hosts or any(f".{parent}" in own_hosts for parent in parents):
        return "internal"
    for parent in parents:
        if parent in HOSTS:
            return HOSTS[parent]
    found = COUNTRY_HOST.fullmatch(host)
    return "search" if found and found["name"] in SEARCH_NAMES else "referral"


def _parents(host: str) -> Iterator[str]:
    """The host and the domains it is in.

    >>> list(_parents("a.b.example"))
    ['a.b.example', 'b.example', 'example']
    """
    while host:
        yield host
        host = host.partition(".")[2]
