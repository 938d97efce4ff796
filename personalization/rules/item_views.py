"""Which items a visitor has seen: read from one declared feature, for a rule about the page's item.

The page view that is just happening is not "before". Whether it is among the events already (the
decide API asks later on the same page, people reload) is nobody's matter, so views of the item that
nothing came between are one with it: neither another page nor a new visit. What never gets in:
clocks, settings, storage.
"""

from math import inf
from typing import Any

from personalization.frequency.limits import VISIT_GAP_MS
from personalization.rules.context import Context
from personalization.rules.operators import NOT_SET, Params
from profiles.features.definition import Feature, Lifetime
from profiles.features.seen import seen_edge, seen_times
from profiles.features.state import FeatureState
from profiles.state import DAY_MS, RECENT_EVENTS, State

#: What profiles keep for every rule on the page's item, however many there are.
ITEMS_SEEN = Feature("page_view", "seen", Lifetime(), of="item")
PAGE_VIEWS = "page_view|"


def item_views(context: Context, params: Params) -> Any:
    """How often the page's item was viewed before, within the last days.

    Of a visitor with more page views than are kept, fewer than asked for are not known to be all:
    then it is unknown. So it is where nobody may know, and where the page says nothing of its item.
    """
    item = context.request.page_item
    if item is None or not _is_kept(context):
        return None
    if not item:
        return NOT_SET
    kept, state = _kept(context), context.state
    assert state is not None
    since = round(context.now * 1000) - params["days"] * DAY_MS
    times = seen_times(kept, item)
    until = _began(state, times, round(context.now * 1000))
    views = sum(since < when <= until for when in times)
    edge = seen_edge(kept)
    is_whole = edge is None or since >= edge
    return views if is_whole or views >= params.get("value", 1) else None


def _is_kept(context: Context) -> bool:
    """A profile without events is kept in full: nothing was seen yet."""
    state = context.state
    return state is not None and (state.last is None or ITEMS_SEEN.key in context.kept)


def _kept(context: Context) -> FeatureState | None:
    return context.state.features.get(ITEMS_SEEN.key) if context.state else None


def _began(state: State, own: list[int], now_ms: int) -> float:
    """The page view that goes on began after this moment: the latest of another page, and of
    another visit. Of visits, 30 minutes lie between them."""
    if state.last is None or now_ms - state.last > VISIT_GAP_MS:
        return inf  # it begins a visit, and is not among the events
    visit = state.starts[-1] - VISIT_GAP_MS if state.starts else -inf
    return max(visit, _left(state.recent.get(PAGE_VIEWS, []), own))


def _left(views: list[int], own: list[int]) -> float:
    """The latest time of a page view that is none of the item's `own`; both ascending.

    Profiles keep the latest 32 page views: whoever reloads as often has left the page.
    """
    rest = list(own)
    for when in reversed(views):
        while rest and rest[-1] > when:
            rest.pop()
        if not rest or rest[-1] < when:
            return when
        rest.pop()
    return views[0] if len(views) >= RECENT_EVENTS else -inf
