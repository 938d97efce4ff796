"""What the API answers, as plain values: a decision for one slot, a visitor's own profile.

Addresses are absolute, since the answer is shown on another site, and lead to https or back here.
What never gets in: requests, clocks, storage.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Raw, json

from personalization.decide import Decision, RuleSet
from personalization.rules.context import Context
from personalization.vector_words import trend_lines, vector_lines
from profiles.baseline import NO_BASELINE, baseline_usable
from profiles.trends import days_complete

#: The address of a picture as content names it, "" for one that is not there.
Pictures = Callable[[str], str]

UNKNOWN = (
    "Personalization is off, so nothing is known of you here: what was recorded is erased or being "
    "erased, and you see what everyone sees."
)
NOTHING_YET = "You agreed to personalization, and nothing is known yet: read on, and look again."
KNOWN = "With your consent, this is what this browser's visits add up to."


class ContentAnswers:
    """What is shown, as JSON, made once for each version: only reasons differ between visitors.

    A content is told by its slot, campaign, variant and category, an address by the site's. As many
    are kept as there are, up to MOST.
    """

    MOST = 2000

    def __init__(self, ruleset: RuleSet) -> None:
        self.ruleset = ruleset
        self._made: dict[tuple[str, tuple[int, int] | None, str, str], Raw] = {}

    def get(self, decision: Decision, *, site: str, pictures: Pictures) -> Raw:
        campaign = decision.campaign
        shown = (campaign.id, campaign.variant_id) if campaign else None
        key = (decision.slot, shown, decision.content["category"], site)
        made = self._made.get(key)
        if made is None:
            content = content_answer(decision.content, site=site, pictures=pictures)
            made = Raw(json.encode(content))
            if len(self._made) < self.MOST:
                self._made[key] = made
        return made


def decision_answer(decision: Decision, content: Raw) -> dict[str, Any]:
    """One slot's answer, with its content as ContentAnswers has it."""
    campaign = decision.campaign
    answer: dict[str, Any] = {
        "campaign": None,
        "variant": None,
        "reasons": decision.reasons,
        "content": content,
        "exposure": None,
    }
    if campaign is not None:
        placement = {"slot": decision.slot, "campaign": campaign.id, "variant": campaign.variant_id}
        answer["campaign"], answer["variant"] = campaign.id, campaign.variant_id
        answer["exposure"] = {
            "type": "exposure",
            "properties": {**placement, "version": decision.version},
        }
    return answer


def content_answer(content: Mapping[str, Any], *, site: str, pictures: Pictures) -> dict[str, Any]:
    """A variant's words, which are text and no markup, with its button, picture and items.

    `site` is this one's scheme and host, for addresses.
    """
    button = address_absolute(content["button_url"], site)
    return {
        "eyebrow": content["eyebrow"],
        "headline": content["headline"],
        "text": content["text"],
        "button": {"label": content["button_label"], "url": button} if button else None,
        "image": address_absolute(pictures(content["image"]), site) or None,
        "category": content["category"],
        "items": [_item_answer(item, site, pictures) for item in content["items"]],
    }


def _item_answer(item: Mapping[str, Any], site: str, pictures: Pictures) -> dict[str, Any]:
    return {
        **item,
        "url": address_absolute(item["url"], site),
        "image": address_absolute(pictures(item["image"]), site) or None,
    }


def address_absolute(address: str, site: str) -> str:
    """An address for a page elsewhere; "" for one that is neither here nor https.

    >>> address_absolute("/c/gardening/", "https://a.example")
    'https://a.example/c/gardening/'
    >>> address_absolute("//evil.example", "https://a.example")
    ''
    >>> address_absolute("javascript:alert(1)", "https://a.example")
    ''
    """
    if address.startswith("/") and not address.startswith(("//", "/\\")):
        return site + address
    return address if address.startswith("https://") else ""


def profile_answer(
    context: Context,
    features: Iterable[tuple[str, str, Any]] = (),
    segments: Iterable[tuple[str, datetime, datetime | None]] = (),
) -> dict[str, Any]:
    """What is known of the visitor; `features` are (key, description, value) of what is declared,
    `segments` (name, since when in it, when left).

    Without consent, and before the first event, everything is empty and `summary` says why.
    """
    state = context.state
    answer: dict[str, Any] = {
        "known": state is not None,
        "summary": UNKNOWN if state is None else KNOWN if state.first is not None else NOTHING_YET,
        "consent": dict(context.consent),
        "gpc": context.gpc,
        "visits": {"count": 0, "first": None, "last": None},
        "interests": [],
        "behavior": [],
        "trends": [],
        "features": [],
        "segments": [],
    }
    if state is None or context.vector is None or state.first is None:
        return answer
    is_ranked = baseline_usable(context.baseline) is not NO_BASELINE
    days = days_complete(state, now=context.now)
    trends = context.vector.behavioral_trends
    answer["visits"] = {
        "count": state.visits,
        "first": _moment(state.first),
        "last": _moment(state.last),
    }
    answer["interests"] = [
        {
            "category": interest.category,
            "score": round(interest.score, 4),
            "now": round(interest.now, 4),
            "share": round(interest.share, 4),
            "lift": None if interest.lift is None else round(interest.lift, 4),
            "events": interest.evidence,
        }
        for interest in context.interests
    ]
    answer["behavior"] = [
        {"name": line.label, "value": line.bar, "text": line.text}
        for line in vector_lines(context.vector, is_ranked=is_ranked)
    ]
    answer["trends"] = [
        {"name": line.label, "per_day": round(change, 4), "text": line.text}
        for line, change in zip(
            trend_lines(trends, days, is_ranked=is_ranked),
            (trends.dwell_time, trends.clicks, trends.visits),
            strict=True,
        )
    ]
    answer["features"] = [
        {"key": key, "description": description, "value": value}
        for key, description, value in features
    ]
    answer["segments"] = [
        {
            "name": name,
            "since": since.isoformat(timespec="seconds"),
            "left": left.isoformat(timespec="seconds") if left else None,
        }
        for name, since, left in segments
    ]
    return answer


def _moment(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec="seconds")
