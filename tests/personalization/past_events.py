"""Visitors with a past of some days, stored as trackers' requests are, for backtests."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID, uuid4

from personalization.backtest import running
from personalization.backtest.models import Backtest, BacktestShard
from personalization.models import Campaign
from tests.tracking.people import ana_make, drain, event_make, inbox_put

DAY_MS = 86_400_000


def ago_ms(days: float) -> int:
    return int(time.time() * 1000 - days * DAY_MS)


def view_make(days: float, *, path: str = "/", category: str = "", **fields: Any) -> dict[str, Any]:
    """A page view so many days ago, of a view and a visit of its own."""
    about = {"category": category} if category else {}
    said = {"view": str(uuid4()), "visit": str(uuid4()), "path": path, **about, **fields}
    return event_make(at=ago_ms(days), **said)


def exposure_make(view: dict[str, Any], campaign: Campaign, **more: Any) -> dict[str, Any]:
    """What the tracker reports of a campaign given in this page view."""
    placed = {"slot": campaign.slot.key, "campaign": campaign.pk, "variant": campaign.variant_id}
    return event_make(
        "exposure",
        at=view["at"] + 20,
        view=view["view"],
        visit=view["visit"],
        path=view["path"],
        properties={**placed, "version": 1, **more},
    )


def past_make(
    *events: dict[str, Any], visitor_id: UUID | None = None, device: str = "desktop"
) -> UUID:
    """A consenting visitor with these events, stored."""
    visitor_id = visitor_id or ana_make()
    inbox_put(visitor_id, events, device=device)
    drain(visitor_id)
    return visitor_id


def gardener_make(*, reads: int = 3, days: float = 3.0, device: str = "desktop") -> UUID:
    """A visitor who read so many gardening pages, an hour apart, and then comes home."""
    about = {"category": "gardening", "content_type": "article"}
    views = [view_make(days - hour / 24, path="/items/tomatoes/", **about) for hour in range(reads)]
    return past_make(*views, view_make(days - 1), device=device)


def backtest_run(run: Backtest) -> Backtest:
    """Work every shard, as workers would."""
    for pk in BacktestShard.objects.filter(backtest=run).values_list("pk", flat=True):
        running.shard_backtest(pk)
    run.refresh_from_db()
    return run
