"""The SQL of conditions on interests and on the behavioral vector."""

from collections.abc import Callable
from math import log2

from personalization.reach.leaves import (
    FADING,
    MARGIN,
    Answer,
    Asking,
    Reader,
    always,
    climbed,
    decayed,
    number,
    number_test,
    presence,
)
from personalization.reach.projected import MOST_TIMES, VISIT_DAYS, key_number
from personalization.reach.sql import FALSE, TRUE, Sql, any_of, filled, runs_of
from personalization.reach.times import Since, at_least, at_moments, count_runs
from personalization.rules.nodes import Leaf
from profiles.baseline import PSEUDO_EVENTS, baseline_usable, level_of, percentile_rank
from profiles.decay import EPOCH
from profiles.state import LONG, SHORT
from profiles.trends import WINDOW_DAYS, day_number
from profiles.vector import ENGAGEMENT_MIDPOINT, FREQUENCY_MIDPOINT, RECENCY_HALF_LIFE

# --- Interests -----------------------------------------------------------------------------------


def _place(leaf: Leaf, text: str) -> Sql:
    """A text with the place of the condition's category for each {}."""
    number = key_number(leaf.params["category"])
    # Whether it is there at all is said quickly.
    place = (
        f"(CASE WHEN {number}::int8 = ANY(p.categories)"
        f" THEN array_position(p.categories, {number}::int8) END)"
    )
    return Sql(text.replace("{}", place))


def _has(leaf: Leaf) -> Sql:
    return Sql("p.categories @> ARRAY[%s::int8]", (key_number(leaf.params["category"]),))


def _of_interests(answer: Answer, possible: Sql | None = None) -> Answer:
    return answer._replace(is_of_interests=True, possible=possible)


def affinity(leaf: Leaf, asking: Asking) -> Answer:
    if (found := number_test(leaf)) is None:
        return presence(leaf)
    column, half_life = ("shorts", SHORT) if leaf.params["horizon"] == "short" else ("longs", LONG)
    x = _place(leaf, f"p.{column}[{{}}]")
    answer = decayed(x, *found, now=asking.now, half_life=half_life)
    return _of_interests(answer, None if found[0](0.0) else _has(leaf))


def strongest(leaf: Leaf, asking: Asking) -> Answer:
    if (found := number_test(leaf)) is None:
        return presence(leaf)
    return _of_interests(decayed(Sql("p.longs[1]"), *found, now=asking.now, half_life=LONG))


def top_interest(leaf: Leaf, asking: Asking) -> Answer:
    place = _place(leaf, "coalesce({} <= ")
    value = Sql(f"{place.text}%s::int, FALSE)", (*place.params, leaf.params["value"]))
    return _of_interests(Answer(value), _has(leaf))


def evidence(leaf: Leaf, asking: Asking) -> Answer:
    answer = number(leaf, _place(leaf, "coalesce(p.evidence[{}], 0)::float8"))
    found = number_test(leaf)
    return _of_interests(answer, _has(leaf) if found and not found[0](0) else None)


#: The only category has all of it, whatever is rounded.
_ALONE = Sql("cardinality(p.categories) = 1")
_SHARE = "power(2.0::float8, greatest(p.longs[{}] - p.long_total, -900.0))"


def _evident(leaf: Leaf, value: Sql, *, exact: Sql = FALSE) -> Answer:
    """A number that is unknown below so many events."""
    known = _place(leaf, "p.evidence[{}] >= ")
    known = Sql(f"{known.text}%s::int", (*known.params, leaf.params["evidence"]))
    answer = number(leaf, value, known=known, margin=MARGIN, exact=exact)
    return _of_interests(answer)


def share(leaf: Leaf, asking: Asking) -> Answer:
    value = filled(
        f"CASE WHEN {_ALONE.text} THEN 100.0 ELSE 100.0 * {{}} END", _place(leaf, _SHARE)
    )
    has = _place(leaf, "CASE WHEN {} IS NOT NULL THEN ")
    return _evident(
        leaf, Sql(f"{has.text}{value.text} END", has.params + value.params), exact=_ALONE
    )


def margin(leaf: Leaf, asking: Asking) -> Answer:
    other = _place(leaf, "CASE WHEN {} = 1 THEN p.longs[2] ELSE p.longs[1] END")
    other = filled("power(2.0::float8, greatest({} - p.long_total, -900.0))", other)
    value = filled(
        f"CASE WHEN {_ALONE.text} THEN 100.0 ELSE 100.0 * ({{}} - {{}}) END",
        _place(leaf, _SHARE),
        other,
    )
    has = _place(leaf, "CASE WHEN {} IS NOT NULL THEN ")
    return _evident(
        leaf, Sql(f"{has.text}{value.text} END", has.params + value.params), exact=_ALONE
    )


def lift(leaf: Leaf, asking: Asking) -> Answer:
    part = baseline_usable(asking.baseline).shares.get(leaf.params["category"])
    if not part:
        return always(True if leaf.params["operator"] == "is_unknown" else None)
    age = (asking.now - EPOCH) / LONG
    mass = "power(2.0::float8, greatest({} - %s::float8, -900.0))"
    own, total = _place(leaf, "p.longs[{}]"), Sql("p.long_total")
    value = Sql(
        f"({mass.format(own.text)} + %s::float8) / ({mass.format(total.text)} + %s::float8)"
        " / %s::float8",
        (*own.params, age, PSEUDO_EVENTS * part, age, PSEUDO_EVENTS, part),
    )
    return _evident(leaf, value)


def change(leaf: Leaf, asking: Asking) -> Answer:
    age = (asking.now - EPOCH) / SHORT
    mass = "power(2.0::float8, greatest({} - %s::float8, -900.0))"
    own = _place(leaf, "p.shorts[{}]")
    part = _place(leaf, _SHARE)
    total = "coalesce(p.short_total, '-Infinity')"
    value = Sql(
        f"({mass.format(own.text)} + %s::float8 * {part.text})"
        f" / ({mass.format(total)} + %s::float8) / {part.text}",
        (*own.params, age, PSEUDO_EVENTS, *part.params, age, PSEUDO_EVENTS, *part.params),
    )
    return _evident(leaf, value)


def preferred_type(leaf: Leaf, asking: Asking) -> Answer:
    return _of_interests(
        Answer(Sql("nullif(p.content_type, '') = %s::text", (leaf.params["value"],)))
    )


# --- The vector ----------------------------------------------------------------------------------


def _of_mass(leaf: Leaf, asking: Asking, reading: Callable[[float], float]) -> Answer:
    """A reading of the engagement mass that never falls as the mass grows."""
    if (found := number_test(leaf)) is None:
        return presence(leaf)
    test, cuts = found
    answer = decayed(
        Sql("p.engagement"),
        lambda mass: test(reading(mass)),
        climbed(reading, cuts),
        now=asking.now,
        half_life=LONG,
    )
    return answer._replace(is_of_interests=True)


def engagement_level(leaf: Leaf, asking: Asking) -> Answer:
    site = baseline_usable(asking.baseline)
    return _of_mass(
        leaf, asking, lambda m: level_of(site, "engagement", m, midpoint=ENGAGEMENT_MIDPOINT)
    )


def recency_score(leaf: Leaf, asking: Asking) -> Answer:
    """By when the last event was."""
    if (found := number_test(leaf)) is None:
        return presence(leaf)
    long_ago = int(asking.now_ms - 1000.0 * RECENCY_HALF_LIFE * FADING)
    edges = [(asking.now + RECENCY_HALF_LIFE * log2(cut)) * 1000.0 for cut in found[1] if cut > 0.0]
    answer = at_moments(leaf, asking, "last_ms", [*edges, long_ago])
    fades = Sql("p.last_ms < %s::int8", (long_ago,))
    return answer._replace(maybe=fades, possible=any_of((answer.possible or TRUE, fades)))


def _of_weekly(leaf: Leaf, asking: Asking, reading: Callable[[float], float]) -> Answer:
    """A reading of the visits a week, by how many of the last 28 days' visits there were."""
    if (found := number_test(leaf)) is None:
        return presence(leaf)
    test = found[0]
    first = day_number(asking.now) - WINDOW_DAYS + 1
    runs = runs_of(
        lambda count: test(reading(max(round(count), 0) * 7.0 / WINDOW_DAYS)),
        [part for count in range(MOST_TIMES + 1) for part in (count - 0.5, count + 0.5)],
    )
    since = Since(first - 1, is_exact=True)
    return Answer(
        count_runs(VISIT_DAYS, runs, since), maybe=at_least(VISIT_DAYS, MOST_TIMES, since)
    )


def frequency(leaf: Leaf, asking: Asking) -> Answer:
    site = baseline_usable(asking.baseline)
    return _of_weekly(
        leaf,
        asking,
        lambda weekly: level_of(site, "visits_per_week", weekly, midpoint=FREQUENCY_MIDPOINT),
    )


def visits_per_week(leaf: Leaf, asking: Asking) -> Answer:
    return _of_weekly(leaf, asking, lambda weekly: weekly)


def consistency(leaf: Leaf, asking: Asking) -> Answer:
    return number(leaf, Sql("p.consistency"))


def scroll_velocity(leaf: Leaf, asking: Asking) -> Answer:
    answer = number(leaf, Sql("p.velocity"), margin=MARGIN, exact=Sql("p.velocity = 0"))
    return answer._replace(is_of_interests=True)


def percentile(leaf: Leaf, asking: Asking) -> Answer | None:
    measure = leaf.params["measure"]
    quantiles = baseline_usable(asking.baseline).quantiles.get(measure)
    if not quantiles:
        return always(True if leaf.params["operator"] == "is_unknown" else None)

    def rank(value: float) -> float:
        return 100.0 * percentile_rank(quantiles, value)

    if measure == "engagement":
        return _of_mass(leaf, asking, rank)
    return _of_weekly(leaf, asking, rank) if measure == "visits_per_week" else None


READERS: dict[str, Reader] = {
    "affinity": affinity,
    "top_interest": top_interest,
    "interest_share": share,
    "interest_lift": lift,
    "interest_change": change,
    "interest_margin": margin,
    "interest_evidence": evidence,
    "strongest_interest": strongest,
    "preferred_content_type": preferred_type,
    "engagement_level": engagement_level,
    "recency_score": recency_score,
    "frequency": frequency,
    "visits_per_week": visits_per_week,
    "consistency": consistency,
    "scroll_velocity": scroll_velocity,
    "percentile": percentile,
}
