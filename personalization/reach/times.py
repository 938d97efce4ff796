"""The SQL of conditions on visits and events: counts of times, and the times themselves.

"At least k within N days" is "the k-th latest is later than now − N days": whatever a rule asks of
a count is made of that.
"""

from collections.abc import Callable, Sequence
from math import ceil, floor, inf
from typing import Any

from personalization.reach.leaves import (
    Answer,
    Asking,
    Reader,
    always,
    milliseconds_in,
    number,
    number_test,
    presence,
)
from personalization.reach.projected import FEATURE, is_timed
from personalization.reach.sql import (
    FALSE,
    TRUE,
    Run,
    Sql,
    all_of,
    any_of,
    bound,
    filled,
    runs_of,
    runs_sql,
)
from personalization.rules.context import VISIT_GAP_MS, Context
from personalization.rules.dates import UNITS, instant_of
from personalization.rules.nodes import Leaf
from profiles.features.cells import EMPTY
from profiles.features.definition import STILL, Feature, Rolling
from profiles.state import RECENT_EVENTS

DAY_MS = 86_400_000.0

# --- Counts of times -----------------------------------------------------------------------------


def latest_at(key: str, k: int) -> Sql:
    """The k-th latest time under a key; NULL when there are fewer."""
    return Sql("(p.told -> %s::text -> %s::int)::float8", (key, k - 1))


def at_least(key: str, k: int, start: float) -> Sql:
    """Whether at least so many times lie after `start`."""
    if k <= 0:
        return TRUE
    return filled("coalesce({}, FALSE)", bound("{} > %s::float8", latest_at(key, k), start))


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


def count_runs(key: str, runs: Sequence[Run], start: float) -> Sql:
    """Whether the number of times after `start` lies in one of the runs."""
    return any_of(
        all_of(
            (
                at_least(key, low, start),
                TRUE if high == inf else filled("NOT {}", at_least(key, int(high) + 1, start)),
            )
        )
        for low, high in counts_in(runs)
    )


def did(key: str) -> Sql:
    return Sql("p.did @> ARRAY[%s::text]", (key,))


def events(leaf: Leaf, asking: Asking) -> Answer:
    """Of the times that every profile keeps, at most RECENT_EVENTS of a kind."""
    if (found := number_test(leaf)) is None:
        return presence(leaf)
    key = f"{leaf.params['type']}|{leaf.params['category']}"
    start = asking.now_ms - leaf.params["days"] * DAY_MS
    test, cuts = found
    runs = runs_of(lambda count: test(min(count, RECENT_EVENTS)), [*cuts, RECENT_EVENTS])
    return Answer(count_runs(key, runs, start), possible=None if test(0) else did(key))


def pages_in_visit(leaf: Leaf, asking: Asking) -> Answer:
    goes_on = bound("%s::float8 - {} <= %s::float8", latest_at("page_view|", 1))
    goes_on = Sql(goes_on.text, (asking.now_ms, *latest_at("page_view|", 1).params, VISIT_GAP_MS))
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
    return number(leaf, Sql("p.visits"), possible=_visits_in)


def _visits_in(runs: Sequence[Run]) -> Sql:
    return any_of(
        Sql("p.visits BETWEEN %s::int AND %s::int", (low, int(min(high, 2**31 - 1))))
        for low, high in counts_in(runs)
    )


def visitor_type(leaf: Leaf, asking: Asking) -> Answer:
    sign = ">" if leaf.params["value"] == "returning" else "<="
    return Answer(Sql(f"p.visits {sign} 1"))


def days_between_visits(leaf: Leaf, asking: Asking) -> Answer:
    return number(leaf, Sql("p.gap_days"), missing=Sql("p.gap_days IS NULL"))


def days_since(column: str) -> Reader:
    def read(leaf: Leaf, asking: Asking) -> Answer:
        value = Sql(
            f"CASE WHEN p.{column} IS NOT NULL THEN greatest(%s::float8 - p.{column}"
            " / 1000.0::float8, 0) / 86400.0::float8 END",
            (asking.now,),
        )

        def possible(runs: Sequence[Run]) -> Sql:
            back = [run._replace(low=run.low if run.low > 0 else -inf) for run in runs]
            turned = [run.turned(lambda days: asking.now - days * 86_400.0) for run in back]
            return milliseconds_in(column, turned)

        return number(leaf, value, missing=Sql(f"p.{column} IS NULL"), possible=possible)

    return read


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
        test = operator.test(leaf.params)
        cuts = [edge or 0.0 for edge in edges(leaf.params, asking.now)]
        runs = runs_of(lambda at: test(at, asking.now), cuts)
        value = runs_sql(Sql(f"(p.{column} / 1000.0::float8)"), runs)
        return Answer(value, possible=milliseconds_in(column, runs))

    return read


# --- Declared features ---------------------------------------------------------------------------


def _features(leaf: Leaf) -> tuple[Feature, ...]:
    assert leaf.condition.features is not None
    return leaf.condition.features(leaf.params)


def _known(features: Sequence[Feature], asking: Asking) -> Sql:
    """Whether a profile keeps the features. One without events keeps all that there is."""
    versions = [set(asking.keeping.get(feature.key, ())) for feature in features]
    kept = sorted(set.intersection(*versions))
    return Sql("(p.last_ms IS NULL OR p.definition = ANY(%s::int[]))", (kept,))


def _may_lack(features: Sequence[Feature], asking: Asking) -> Sql:
    """Whether it may not, for an index to find."""
    lacking = set().union(*(asking.lacking.get(feature.key, ()) for feature in features))
    return Sql("p.definition = ANY(%s::int[])", (sorted(lacking),)) if lacking else FALSE


def _counted(
    feature: Feature, test: Callable[[float], Any], cuts: Sequence[float], asking: Asking
) -> Answer | None:
    """A test of how often something happened."""
    known, key = _known((feature,), asking), FEATURE + feature.key
    runs = runs_of(test, cuts)
    found = None if test(0) else any_of((did(key), _may_lack((feature,), asking)))
    if isinstance(feature.window, STILL):
        value = runs_sql(Sql("coalesce((p.told -> %s::text)::float8, 0)", (key,)), runs)
        return Answer(filled("CASE WHEN {} THEN {} END", known, value))
    if not is_timed(feature) or not isinstance(feature.window, Rolling):
        return None
    start = float(round(asking.now_ms) - feature.window.span_ms)
    value = filled("CASE WHEN {} THEN {} END", known, count_runs(key, runs, start))
    most = max(
        (int(edge) + 1 for span in counts_in(runs) for edge in span if edge != inf), default=1
    )
    # What is in buckets only counts from nobody knows when.
    times = "p.told -> %s::text"
    crowded = Sql(
        f"coalesce(({times} -> -1)::float8 = 0 AND jsonb_array_length({times}) <= %s::int"
        f" AND ({times} -> -2)::float8 > %s::float8, FALSE)",
        (key, key, most, key, start),
    )
    return Answer(value, crowded, found)


def event_did(leaf: Leaf, asking: Asking) -> Answer | None:
    test = leaf.condition.test
    assert test is not None
    return _counted(_features(leaf)[0], lambda times: test(times, leaf.params), [0, 1], asking)


def event_count(leaf: Leaf, asking: Asking) -> Answer | None:
    features = _features(leaf)
    if (found := number_test(leaf)) is None:
        return presence(leaf, unknown=filled("{} IS NOT TRUE", _known(features, asking)))
    return _counted(features[0], *found, asking)


def event_value(leaf: Leaf, asking: Asking) -> Answer | None:
    """A number over everything there is."""
    feature = _features(leaf)[0]
    if not isinstance(feature.window, STILL):
        return None
    told = Sql("(p.told -> %s::text)", (FEATURE + feature.key,))
    kind = filled("jsonb_typeof({})", told)
    value = filled("CASE WHEN {} = 'number' THEN {}::float8 END", kind, told)
    missing = filled("{} IS NULL", kind)
    if (empty := EMPTY.get(feature.aggregation)) is not None:
        value = filled("coalesce({}, " + f"{float(empty)!r})", value)
        missing = FALSE
    return number(leaf, value, known=_known((feature,), asking), missing=missing)


def _moment(feature: Feature) -> Sql:
    """A time over everything, in whole milliseconds."""
    return Sql("round((p.told -> %s::text)::float8 * 1000.0)", (FEATURE + feature.key,))


def _aged(leaf: Leaf, asking: Asking, moment: Sql, cuts: Sequence[float]) -> Answer:
    """The condition's test of the days since a moment; infinite where there is none."""
    test, now_ms = leaf.condition.test, float(round(asking.now_ms))
    assert test is not None
    days = bound("greatest(%s::float8 - {}, 0) / 86400000.0::float8", moment)
    days = Sql(days.text, (now_ms, *moment.params))
    runs = runs_of(lambda age: test(age, leaf.params), cuts)
    value = filled(
        f"CASE WHEN {{}} IS NULL THEN {bool(test(inf, leaf.params))} ELSE {{}} END",
        moment,
        runs_sql(days, runs),
    )
    return Answer(filled("CASE WHEN {} THEN {} END", _known(_features(leaf), asking), value))


def event_time(leaf: Leaf, asking: Asking) -> Answer:
    return _aged(leaf, asking, _moment(_features(leaf)[0]), [leaf.params["days"]])


def event_stopped(leaf: Leaf, asking: Asking) -> Answer:
    days = leaf.params["days"]
    cuts = [days, days + leaf.params["earlier"]]
    return _aged(leaf, asking, _moment(_features(leaf)[0]), cuts)


def event_unfinished(leaf: Leaf, asking: Asking) -> Answer:
    began, finished = (
        Sql("(p.told -> %s::text)::float8", (FEATURE + feature.key,)) for feature in _features(leaf)
    )
    is_open = filled("({} >= {}) IS NOT TRUE", finished, began)
    moment = filled("CASE WHEN {} THEN {} END", is_open, _moment(_features(leaf)[0]))
    return _aged(leaf, asking, moment, [leaf.params["days"]])


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
        )
    )


def of_nobody(leaf: Leaf, asking: Asking) -> Answer:
    """The same for every visitor at one moment."""
    return always(leaf.ask(Context(now=asking.now)))


READERS: dict[str, Reader] = {
    "events": events,
    "event_did": event_did,
    "event_count": event_count,
    "event_distinct": event_count,
    "event_value": event_value,
    "event_time": event_time,
    "event_stopped": event_stopped,
    "event_unfinished": event_unfinished,
    "campaign_contact": event_count,
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
