"""What conditions measure: one value of the context each, None where it is unknown, NOT_SET where
it is known that there is none."""

from collections.abc import Callable
from math import inf
from typing import Any

from personalization.rules.context import Context
from personalization.rules.operators import NOT_SET, Params
from profiles.baseline import baseline_usable, lift_of, percentile_rank
from profiles.vector import Interest, engagement_mass

# --- Interests ---------------------------------------------------------------------------------


def affinity(context: Context, params: Params) -> float | None:
    if context.state is None:
        return None
    score, now, _ = context.affinity_of(params["category"])
    return now if params["horizon"] == "short" else score


def evidence(context: Context, params: Params) -> int | None:
    if context.state is None:
        return None
    return context.affinity_of(params["category"])[2]


def _evident(context: Context, params: Params) -> Interest | None:
    """The interest, where as many events as asked for stand behind it."""
    if context.state is None:
        return None
    interest = context.interest_by_category.get(params["category"])
    return interest if interest and interest.evidence >= params["evidence"] else None


def share(context: Context, params: Params) -> float | None:
    """The share of all interests in percent; unknown below the evidence asked for."""
    interest = _evident(context, params)
    return 100.0 * interest.share if interest else None


def lift(context: Context, params: Params) -> float | None:
    """The share as a multiple of the site's; unknown without a baseline of the category."""
    interest = _evident(context, params)
    return interest.lift if interest else None


def change(context: Context, params: Params) -> float | None:
    """The share now (short half-life) as a multiple of the usual one (long half-life).

    ((s + k·p) / (S + k)) / p with the short score s of the category and S of all of them, the
    visitor's own long share p, and k = 10: little of it today says little (lift_of).
    """
    interest = _evident(context, params)
    return lift_of(interest.now, context.now_total, interest.share) if interest else None


def margin(context: Context, params: Params) -> float | None:
    """How far a category's share is ahead of the strongest other one, in percent of all."""
    interest = _evident(context, params)
    if interest is None:
        return None
    others = (other.share for other in context.interests if other is not interest)
    return 100.0 * (interest.share - next(others, 0.0))


def rank(context: Context, params: Params) -> float | None:
    return _rank_of(context, params["category"])


def page_rank(context: Context, params: Params) -> Any:
    """The place that the page's category has among the visitor's interests."""
    category = context.request.page_category
    if context.state is None or category is None:
        return None
    return _rank_of(context, category) if category else NOT_SET


def _rank_of(context: Context, category: str) -> float | None:
    return None if context.state is None else context.rank_by_category.get(category, inf)


def strongest(context: Context, params: Params) -> float | None:
    if context.state is None:
        return None
    return context.interests[0].score if context.interests else 0.0


def preferred_type(context: Context, params: Params) -> Any:
    if context.state is None:
        return None
    return context.vector_value("preferred_content_type") or NOT_SET


# --- Behavior ----------------------------------------------------------------------------------


def vector_of(name: str) -> Callable[[Context, Params], Any]:
    return lambda context, params: context.vector_value(name)


def trend(context: Context, params: Params) -> float | None:
    """The change each day in percent of the site's usual day."""
    trends = context.vector_value("behavioral_trends")
    return None if trends is None else 100.0 * float(getattr(trends, params["measure"]))


def percentile(context: Context, params: Params) -> float | None:
    """The part of the site's visitors below this one, in percent; unknown without a baseline."""
    quantiles = baseline_usable(context.baseline).quantiles.get(params["measure"])
    if context.state is None or not quantiles:
        return None
    if params["measure"] == "engagement":
        value = engagement_mass(context.state, context.weights, now=context.now)
    else:
        value = context.vector_value(params["measure"])
    return None if value is None else 100.0 * percentile_rank(quantiles, value)


# --- Visits ------------------------------------------------------------------------------------


def visits(context: Context, params: Params) -> int | None:
    return context.state.visits if context.state is not None else None


def visitor_type(context: Context, params: Params) -> str | None:
    if context.state is None:
        return None
    return "returning" if context.state.visits > 1 else "new"


def first_seen(context: Context, params: Params) -> Any:
    return None if context.state is None else _seconds(context.state.first)


def last_seen(context: Context, params: Params) -> Any:
    return None if context.state is None else _seconds(context.state.last)


def _seconds(milliseconds: int | None) -> Any:
    return NOT_SET if milliseconds is None else milliseconds / 1000.0


def days_since_first(context: Context, params: Params) -> Any:
    return _days_since(context, first_seen(context, params))


def days_since_last(context: Context, params: Params) -> Any:
    return _days_since(context, last_seen(context, params))


def _days_since(context: Context, at: Any) -> Any:
    return max(context.now - at, 0.0) / 86_400.0 if isinstance(at, float) else at


def days_between_visits(context: Context, params: Params) -> Any:
    gaps = context.vector_value("temporal_gaps")
    if gaps is None:
        return None
    return NOT_SET if gaps.latest_days is None else gaps.latest_days


# --- Requests ----------------------------------------------------------------------------------


def request_text(name: str) -> Callable[[Context, Params], Any]:
    """A text of the request, NOT_SET where it is empty, unknown where nobody has said."""

    def measure(context: Context, params: Params) -> Any:
        text = getattr(context.request, name)
        return NOT_SET if text == "" else text

    return measure


def query(context: Context, params: Params) -> Any:
    return _parameter(context, params["name"])


def utm(context: Context, params: Params) -> Any:
    return _parameter(context, "utm_" + params["part"])


def _parameter(context: Context, name: str) -> Any:
    query = context.request.query
    return None if query is None else query.get(name, NOT_SET)
