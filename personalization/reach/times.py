"""The SQL of conditions on visits and events: counts of times, and the times themselves.

"At least k within N days" is "the k-th latest is later than now − N days": whatever a rule asks of
a count is made of that.
"""

from collections.abc import Callable, Iterable, Sequence
from math import ceil, floor, inf
from typing import Any, NamedTuple

from personalization.frequency.limits import VISIT_GAP_MS
from personalization.reach.leaves import (
    Answer,
    Asking,
    Reader,
    Span,
    always,
    moments_in,
    number,
    number_test,
    presence,
    spans_sql,
)
from personalization.reach.projected import key_number, second_of
from personalization.reach.sql import (
    FALSE,
    TRUE,
    Run,
    Sql,
    all_of,
    any_of,
    constant,
    filled,
    runs_of,
)
from personalization.rules.context import Context
from personalization.rules.dates import UNITS, instant_of
from personalization.rules.nodes import Leaf
from profiles.state import RECENT_EVENTS, State

DAY_MS = 86_400_000.0

# --- Counts of times -----------------------------------------------------------------------------


class Since(NamedTuple):
    """A moment as times are laid out: later is more than `second`. Where it is no whole second,
    what happened in that one is not `is_exact`ly told apart: it may have been before."""

    second: int
    is_exact: bool

    @classmethod
    def after(cls, start_ms: float) -> "Since":
        """
        >>> Since.after(1_577_836_801_000.0), Since.after(1_577_836_801_001.0)
        (Since(second=1, is_exact=True), Since(second=2, is_exact=False))
        """
        return cls(second_of(ceil(start_ms)), start_ms % 1000.0 == 0.0)


def of_key(text: str, key: str, *params: Any) -> Sql:
    """A text in which {key} is the key's number, {spot} its place in `did`, {begin} and {end} are
    those of its times; for rows that have it. `params` come where the text has %s."""
    number = str(key_number(key))
    spot = f"width_bucket({number}::int8, p.did)"
    begin, end = f"p.begins[{spot}]", f"p.begins[{spot} + 1]"
    return Sql(text.format(key=f"{number}::int8", spot=spot, begin=begin, end=end), params)


def at_least(key: str, k: int, since: Since) -> Sql:
    """Whether at least so many times are later; NULL where that is not known exactly."""
    if k <= 0:
        return TRUE
    later = "p.times[{begin} + %s::int] > %s::int"
    params: tuple[Any, ...] = (k, since.second)
    if not since.is_exact:
        later = f"({later} OR nullif(p.times[{{begin}} + %s::int] >= %s::int, TRUE))"
        params *= 2
    if k > 1:
        later, params = f"{later} AND {{end}} - {{begin}} >= %s::int", (*params, k)
    return of_key(f"CASE WHEN {{key}} = ANY(p.did) THEN {later} ELSE FALSE END", key, *params)


def counts_in(runs: Sequence[Run]) -> list[tuple[int, float]]:
    """The whole numbers from 0 in runs: (lowest, highest) of each, which may be inf."""
    spans = []
    for run in runs:
        low = max(ceil(run.low), 0) if run.low > -inf else 0
        if low == run.low and not run.low_in:
            low += 1
        high = floor(run.high) if run.high < inf else inf
        if high == run.high and not run.high_in and high < inf:
            high -= 1
        if low <= high:
            spans.append((low, high))
    return spans


def count_runs(key: str, runs: Sequence[Run], since: Since) -> Sql:
    """Whether the number of later times lies in one of the runs; NULL as `at_least`."""
    return any_of(
        all_of(
            (
                at_least(key, low, since),
                TRUE if high == inf else filled("NOT {}", at_least(key, int(high) + 1, since)),
            )
        )
        for low, high in counts_in(runs)
    )


def inexact(value: Sql, since: Since) -> Sql:
    """Where a count says NULL because the second is not told apart."""
    return FALSE if since.is_exact else filled("({}) IS NULL", value)


def did(key: str) -> Sql:
    return Sql("p.did @> ARRAY[%s::int8]", (key_number(key),))


def events(leaf: Leaf, asking: Asking) -> Answer:
    """Of the times that every profile keeps, at most RECENT_EVENTS of a kind."""
    if (found := number_test(leaf)) is None:
        return presence(leaf)
    key = f"{leaf.params['type']}|{leaf.params['category']}"
    since = Since.after(asking.now_ms - leaf.params["days"] * DAY_MS)
    test, cuts = found
    runs = runs_of(lambda count: test(min(count, RECENT_EVENTS)), [*cuts, RECENT_EVENTS])
    value = count_runs(key, runs, since)
    possible = None if test(0) else did(key)
    return Answer(value, inexact(value, since), possible, is_guarded=True)


def pages_in_visit(leaf: Leaf, asking: Asking) -> Answer:
    goes_on = Sql("%s::float8 - p.page_ms <= %s::float8", (asking.now_ms, VISIT_GAP_MS))
    return number(leaf, filled("CASE WHEN {} THEN p.page_run ELSE 0 END::float8", goes_on))


def minutes_in_visit(leaf: Leaf, asking: Asking) -> Answer:
    value = Sql(
        "CASE WHEN p.start_ms IS NULL OR p.last_ms IS NULL"
        " OR %s::float8 - p.last_ms > %s::float8 THEN 0"
        " ELSE greatest(%s::float8 - p.start_ms, 0) / 60000.0::float8 END",
        (asking.now_ms, VISIT_GAP_MS, asking.now_ms),
    )
    return number(leaf, value)


# --- Visits --------------------------------------------------------------------------------------


def visits(leaf: Leaf, asking: Asking) -> Answer:
    if (found := number_test(leaf)) is None:
        return presence(leaf)
    spans = counts_in(runs_of(*found))
    said = spans_sql(
        "visits", [Span(low or None, None if high == inf else int(high)) for low, high in spans]
    )
    return Answer(said, possible=said)


def visitor_type(leaf: Leaf, asking: Asking) -> Answer:
    sign = ">" if leaf.params["value"] == "returning" else "<="
    return Answer(Sql(f"p.visits {sign} 1"))


def days_between_visits(leaf: Leaf, asking: Asking) -> Answer:
    return number(leaf, Sql("p.gap_days"), missing=Sql("p.gap_days IS NULL"))


def days_since(column: str) -> Reader:
    def read(leaf: Leaf, asking: Asking) -> Answer:
        nothing = Sql(f"p.{column} IS NULL")
        if (found := number_test(leaf)) is None:
            return presence(leaf, missing=nothing)
        return at_moments(leaf, asking, column, [asking.now_ms - cut * DAY_MS for cut in found[1]])

    return read


def at_moments(leaf: Leaf, asking: Asking, column: str, edges: Iterable[float]) -> Answer:
    """A condition on when the first or the latest event was; there is none where it is NULL."""
    said = spans_sql(column, moments_in(leaf, asking, edges))
    nothing = leaf.ask(Context(now=asking.now, state=State()))
    is_nothing = f"p.{column} IS NULL"
    value = filled(f"CASE WHEN {is_nothing} THEN {constant(nothing).text} ELSE {{}} END", said)
    possible = said if nothing is False else any_of((said, Sql(is_nothing)))
    return Answer(value, possible=possible)


#: Where the tests of a date change. Those that go by a clock's face are asked in memory.
_EDGES: dict[str, Callable[[Any, float], list[float | None]]] = {
    "before": lambda params, now: [instant_of(params["moment"], params["zone"])],
    "after": lambda params, now: [instant_of(params["moment"], params["zone"])],
    "between": lambda params, now: [
        instant_of(params[name], params["zone"]) for name in ("moment", "to_moment")
    ],
    "within_last": lambda params, now: [now - params["amount"] * UNITS[params["unit"]], now],
    "more_than_ago": lambda params, now: [now - params["amount"] * UNITS[params["unit"]]],
}


def seen(column: str) -> Reader:
    def read(leaf: Leaf, asking: Asking) -> Answer | None:
        operator = leaf.condition.operator_of(leaf.params["operator"])
        if operator is not None and operator.kind == "presence":
            return presence(leaf, missing=Sql(f"p.{column} IS NULL"))
        edges = _EDGES.get(leaf.params["operator"])
        if operator is None or edges is None:
            return None
        cuts = [(edge or 0.0) * 1000.0 for edge in edges(leaf.params, asking.now)]
        return at_moments(leaf, asking, column, cuts)

    return read


# --- What is not of a profile --------------------------------------------------------------------


def consent(leaf: Leaf, asking: Asking) -> Answer:
    purpose = leaf.params["purpose"]
    if purpose not in asking.purposes:
        return always(leaf.params["value"] == "not_asked")
    return Answer(
        Sql(
            "CASE WHEN c.granted @> ARRAY[%s::varchar] THEN 'granted' WHEN c.decided THEN 'refused'"
            " ELSE 'not_asked' END = %s::text",
            (purpose, leaf.params["value"]),
        ),
        is_of_consent=True,
    )


def of_nobody(leaf: Leaf, asking: Asking) -> Answer:
    """The same for every visitor at one moment."""
    return always(leaf.ask(Context(now=asking.now)))


READERS: dict[str, Reader] = {
    "events": events,
    "visitor_type": visitor_type,
    "visits": visits,
    "pages_in_visit": pages_in_visit,
    "minutes_in_visit": minutes_in_visit,
    "days_since_first_event": days_since("first_ms"),
    "days_since_last_event": days_since("last_ms"),
    "days_between_visits": days_between_visits,
    "first_seen": seen("first_ms"),
    "last_seen": seen("last_ms"),
    "date_time": of_nobody,
    "gpc": of_nobody,
    "consent": consent,
}
