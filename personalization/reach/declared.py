"""The SQL of conditions on declared features: rolling windows by times, the others by values."""

from collections.abc import Callable, Sequence
from math import inf
from typing import Any
from zoneinfo import ZoneInfo

from personalization.frequency.limits import VISIT_GAP_MS
from personalization.reach.leaves import Answer, Asking, Reader, number, number_test, presence
from personalization.reach.projected import CROWDED, FEATURE, is_timed
from personalization.reach.sql import FALSE, Sql, all_of, any_of, bound, filled, runs_of, runs_sql
from personalization.reach.times import Since, count_runs, counts_in, did, inexact, of_key
from personalization.rules.nodes import Leaf
from profiles.features.cells import EMPTY
from profiles.features.definition import STILL, Calendar, Feature, Rolling, Visit
from profiles.features.periods import period_number


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


def _told(feature: Feature, asking: Asking) -> Sql | None:
    """The value that a row tells of a feature, as JSON, NULL where there is none; None where rows
    tell none."""
    key = FEATURE + feature.key
    if isinstance(feature.window, Calendar):
        number = period_number(feature.window.period, ZoneInfo(feature.window.zone))
        period = number(round(asking.now_ms)) + feature.window.offset
        return Sql("(p.told -> %s::text -> %s::text)", (key, str(period)))
    if isinstance(feature.window, Visit):
        return Sql(
            "(CASE WHEN %s::float8 - p.last_ms <= %s::float8 THEN p.told -> %s::text END)",
            (asking.now_ms, VISIT_GAP_MS, key),
        )
    return Sql("(p.told -> %s::text)", (key,)) if isinstance(feature.window, STILL) else None


def _counted(
    feature: Feature, test: Callable[[float], Any], cuts: Sequence[float], asking: Asking
) -> Answer | None:
    """A test of how often something happened."""
    known, key = _known((feature,), asking), FEATURE + feature.key
    runs = runs_of(test, cuts)
    found = None if test(0) else any_of((did(key), _may_lack((feature,), asking)))
    if (told := _told(feature, asking)) is not None:
        value = runs_sql(filled("coalesce({}::float8, 0)", told), runs)
        return Answer(filled("CASE WHEN {} THEN {} END", known, value))
    if not is_timed(feature) or not isinstance(feature.window, Rolling):
        return None
    since = Since.after(float(round(asking.now_ms) - feature.window.span_ms))
    count = count_runs(key, runs, since)
    value = filled("CASE WHEN {} THEN {} END", known, count)
    most = max(
        (int(edge) + 1 for span in counts_in(runs) for edge in span if edge != inf), default=1
    )
    # What is in buckets only counts from nobody knows when.
    crowded = of_key(
        "CASE WHEN {key} = ANY(p.did) THEN p.times[{end}] = %s::int AND {end} - {begin} <= %s::int"
        " AND p.times[{end} - 1] >= %s::int ELSE FALSE END",
        key,
        CROWDED,
        most,
        since.second + since.is_exact,
    )
    return Answer(value, any_of((crowded, all_of((known, inexact(count, since))))), found)


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
    """A number over everything there is, this visit, or a period of the calendar."""
    feature = _features(leaf)[0]
    if (told := _told(feature, asking)) is None:
        return None
    kind = filled("jsonb_typeof({})", told)
    value = filled("CASE WHEN {} = 'number' THEN {}::float8 END", kind, told)
    missing = filled("{} IS NULL", kind)
    if (empty := EMPTY.get(feature.aggregation)) is not None:
        value = filled("coalesce({}, " + f"{float(empty)!r})", value)
        missing = FALSE
    return number(leaf, value, known=_known((feature,), asking), missing=missing)


def event_days(leaf: Leaf, asking: Asking) -> Answer | None:
    test, params = leaf.condition.test, leaf.params
    assert test is not None
    return _counted(_features(leaf)[0], lambda n: test(n, params), [params["value"]], asking)


def event_trend(leaf: Leaf, asking: Asking) -> Answer | None:
    """How many times as often as in the calendar's period before."""
    features = _features(leaf)
    told = (_told(feature, asking) for feature in features)
    found = [filled("coalesce({}::float8, 0)", each) for each in told if each is not None]
    if len(found) < len(features):
        return None
    this, before = found
    value = filled(
        "CASE WHEN {} > 0 THEN {} / {} WHEN {} > 0 THEN 'Infinity'::float8 END",
        *(before, this, before, this),
    )
    known = _known(features, asking)
    return number(leaf, value, known=known, missing=filled("{} + {} = 0", this, before))


def entry_medium(leaf: Leaf, asking: Asking) -> Answer | None:
    feature = _features(leaf)[0]
    if (told := _told(feature, asking)) is None:
        return None
    value = Sql(f"{told.text} #>> '{{}}' = %s::text", (*told.params, leaf.params["value"]))
    return Answer(filled("CASE WHEN {} THEN {} END", _known((feature,), asking), value))


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


READERS: dict[str, Reader] = {
    "event_did": event_did,
    "event_count": event_count,
    "event_distinct": event_count,
    "event_value": event_value,
    "event_days": event_days,
    "event_trend": event_trend,
    "event_time": event_time,
    "event_stopped": event_stopped,
    "event_unfinished": event_unfinished,
    "campaign_contact": event_count,
    "active_seconds_in_visit": event_value,
    "entry_medium": entry_medium,
}
