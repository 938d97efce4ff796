"""The behavioral vector in plain words, for the admin and the command line. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from profiles.state import Day
from profiles.vector import Trends, Vector
from profiles.visits import Gaps

#: Beyond these a pace, or a daily change in parts of a usual day, is worth a word.
MOMENTUM_SHOWN = 0.2
TREND_SHOWN = 0.01


@dataclass(frozen=True)
class Line:
    """One value: `bar` is its part of 1, None where it is no such part."""

    label: str
    text: str
    bar: float | None = None


@dataclass(frozen=True)
class TrendLine:
    """A daily series, oldest first, with its trend in words."""

    label: str
    values: list[float]
    text: str


def vector_lines(vector: Vector, *, is_ranked: bool) -> list[Line]:
    """The vector's values without its trends; `is_ranked` where the site has a baseline."""
    engagement = _rank(vector.engagement_level) if is_ranked else f"{vector.engagement_level:.2f}"
    weekly = f"{vector.visits_per_week:g} visits a week"
    rank = f", {_rank(vector.frequency)}" if is_ranked and vector.frequency else ""
    scroll = vector.scroll_velocity
    return [
        Line("Recency", f"{vector.recency_score:.2f}", vector.recency_score),
        Line("Engagement", engagement, vector.engagement_level),
        Line("Frequency", weekly + rank, vector.frequency),
        Line("Regularity", _regularity(vector.consistency), vector.consistency),
        Line("Between visits", _gaps(vector.temporal_gaps)),
        Line("Last visit", _present(vector.temporal_gaps)),
        Line("Pace", _momentum(vector.momentum)),
        Line(
            "Scrolling",
            "no reading time yet" if scroll is None else f"{scroll:.1f} full pages a minute",
        ),
        Line("Prefers", vector.preferred_content_type or "nothing yet"),
    ]


def trend_lines(trends: Trends, days: Sequence[Day], *, is_ranked: bool) -> list[TrendLine]:
    """The trends with the daily series behind them; `days` as profiles.trends has them."""
    usual = "the site’s usual day" if is_ranked else "their usual day"
    return [
        TrendLine("Dwell time", [day.dwell for day in days], trend_words(trends.dwell_time, usual)),
        TrendLine("Clicks", [float(day.clicks) for day in days], trend_words(trends.clicks, usual)),
        TrendLine("Visits", [float(day.visits) for day in days], trend_words(trends.visits, usual)),
    ]


def trend_words(trend: float, usual: str) -> str:
    """
    >>> trend_words(0.053, "the usual day"), trend_words(0.004, "the usual day")
    ('↑ rising, by 5 % of the usual day each day', '→ steady')
    """
    if abs(trend) < TREND_SHOWN:
        return "→ steady"
    word = "↑ rising" if trend > 0 else "↓ falling"
    return f"{word}, by {100 * abs(trend):.0f} % of {usual} each day"


def days_words(days: float) -> str:
    """
    >>> days_words(0.02), days_words(0.5), days_words(2.25), days_words(1.0)
    ('less than an hour', '12 hours', '2.2 days', '1 day')
    """
    hours = days * 24
    if hours < 1:
        return "less than an hour"
    if hours < 23.95:
        return f"{hours:.0f} hour{'' if round(hours) == 1 else 's'}"
    rounded = f"{days:.1f}".removesuffix(".0")
    return f"{rounded} day{'' if rounded == '1' else 's'}"


def _rank(level: float) -> str:
    percent = min(int(100 * level), 99)
    return f"more than {percent} % of the visitors" if percent else "less than the other visitors"


def _regularity(consistency: float | None) -> str:
    """Chance is 0.5 (profiles.visits): clearly above is a habit, clearly below are bursts."""
    if consistency is None:
        return "too few visits to tell"
    if consistency >= 0.65:
        return f"{consistency:.2f}, by habit"
    return f"{consistency:.2f}, " + ("at random" if consistency > 0.4 else "in bursts")


def _gaps(gaps: Gaps) -> str:
    if gaps.mean_days is None or gaps.latest_days is None:
        return "one visit so far" if gaps.present_days is not None else "no visits yet"
    return f"{days_words(gaps.mean_days)} on average, {days_words(gaps.latest_days)} the last time"


def _present(gaps: Gaps) -> str:
    if gaps.present_days is None:
        return "never"
    unusual = ", longer ago than their pace explains" if gaps.is_unusual else ""
    return f"{days_words(gaps.present_days)} ago{unusual}"


def _momentum(momentum: float) -> str:
    if momentum > MOMENTUM_SHOWN:
        return f"↑ busier than usual ({momentum:+.2f})"
    if momentum < -MOMENTUM_SHOWN:
        return f"↓ quieter than usual ({momentum:+.2f})"
    return f"→ as usual ({momentum:+.2f})"
