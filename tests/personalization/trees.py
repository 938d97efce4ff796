"""Random rules: any tree that rule_parse accepts."""

from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from personalization.rules.conditions import CONDITIONS, Condition, Field
from personalization.rules.fields import MAX_VALUES
from personalization.rules.tree import RuleError, rule_parse
from personalization.rules.wildcards import MAX_PATTERN

CHARACTERS = st.characters(exclude_categories=("Cc", "Cs"))
#: Any text a rule may hold: no control characters, no halves of characters.
TEXT = st.text(CHARACTERS, max_size=200)
NAMES = TEXT.filter(bool)
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2199, 12, 30))
TIMES = st.times().map(lambda time: time.strftime("%H:%M"))
VERSIONS = st.sampled_from(["0", "1.2", "17.5.0", "2.0.0-beta.1", "140.0.7339.80", "3.1.4+build"])

WINDOWS = st.one_of(
    st.builds(lambda minutes: {"kind": "rolling", "minutes": minutes}, st.integers(1, 92 * 1440)),
    st.sampled_from([{"kind": "visit"}, {"kind": "lifetime"}]),
    st.builds(
        lambda period, zone, offset: {
            "kind": "calendar", "period": period, "zone": zone, "offset": offset
        },
        st.sampled_from(["day", "week", "month"]),
        st.sampled_from(["UTC", "Europe/Copenhagen"]),
        st.sampled_from([0, -1]),
    ),
    st.builds(lambda visits: {"kind": "visits", "visits": visits}, st.integers(1, 10)),
    st.builds(
        lambda type, category: {"kind": "since", "type": type, "category": category},
        st.sampled_from(["purchase", "page_view"]),
        st.sampled_from(["", "gardening"]),
    ),
    st.builds(
        lambda days, zone: {"kind": "dates", "zone": zone, "from": days[0], "to": days[1]},
        st.sampled_from([("2026-03-29", "2026-10-25"), ("2025-11-01", ""), ("", "2200-12-31")]),
        ZONES,
    ),
)  # fmt: skip
FILTERS = st.lists(
    st.one_of(
        st.builds(
            lambda field, operator, values: {
                "field": field, "operator": operator, "values": values
            },
            st.sampled_from(["category", "item", "property.a|b"]),
            st.sampled_from(["in", "not_in"]),
            st.lists(TEXT.filter(bool), min_size=1, max_size=3),
        ),
        st.builds(
            lambda value: {"field": "value", "operator": "gte", "values": [value]},
            st.integers(-(10**12), 10**12) | st.floats(-1e12, 1e12),
        ),
        st.sampled_from(
            [
                {"field": "property.paid", "operator": "eq", "values": [True]},
                {"field": "property.paid", "operator": "is_set", "values": []},
                {"field": "property.price", "operator": "between", "values": [1, 2.5]},
            ]
        ),
    ),
    max_size=3,
)  # fmt: skip
#: A strategy for each type of field that has no choices and no bounds.
BY_TYPE: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXT,
    "texts": st.lists(NAMES, min_size=1, max_size=4)
    | st.lists(st.just("a"), min_size=MAX_VALUES, max_size=MAX_VALUES),
    "pattern": st.text(CHARACTERS | st.sampled_from("*?"), min_size=1, max_size=MAX_PATTERN),
    "flag": st.booleans(),
    "date": MOMENTS.map(lambda moment: moment.date().isoformat()),
    "moment": MOMENTS.map(lambda moment: moment.strftime("%Y-%m-%dT%H:%M")),
    "time": TIMES,
    "zone": ZONES,
    "version": VERSIONS,
    "event_type": st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True),
    "event_field": st.sampled_from(["item", "value", "property.price"]),
    "where": FILTERS,
    "window": WINDOWS,
    "campaign": st.integers(1, 10**9).map(str),
    "segment": st.from_regex(r"[a-z0-9][a-z0-9-]{0,20}", fullmatch=True),
}


def values(field: Field) -> st.SearchStrategy[Any]:
    """What a field may hold."""
    if field.type == "choices":
        choices = list(field.choices or {})
        chosen = st.sets(st.sampled_from(choices), min_size=1)
        return chosen.map(lambda some: [one for one in choices if one in some])
    if field.choices is not None:
        return st.sampled_from(sorted(field.choices))
    low, high = field.low or 0, field.high or 0
    if field.type == "integer":
        return st.integers(int(low), int(high))
    if field.type == "number":
        return st.floats(low, high) | st.integers(int(low) + 1, int(high))
    if field.type in BY_TYPE:
        return BY_TYPE[field.type]
    return TEXT if field.optional else NAMES


def is_in_order(leaf: dict[str, Any]) -> bool:
    """Whether the second of two values may follow the first."""
    if "to_time" in leaf:
        return bool(leaf["time"] != leaf["to_time"])
    if "to_moment" in leaf:
        return bool(leaf["moment"] < leaf["to_moment"])
    return "to" not in leaf or isinstance(leaf["to"], str) or leaf["value"] <= leaf["to"]


def ordered(leaf: dict[str, Any]) -> dict[str, Any]:
    """The leaf with its two values in their order."""
    if is_in_order(leaf):
        return leaf
    low, high = ("moment", "to_moment") if "to_moment" in leaf else ("value", "to")
    return {**leaf, low: leaf[high], high: leaf[low]}


@st.composite
def leaves(draw: st.DrawFn, condition: Condition) -> dict[str, Any]:
    """A condition with every field given."""
    operator = draw(st.sampled_from(sorted(condition.operators))) if condition.operators else None
    leaf: dict[str, Any] = {"condition": condition.kind}
    for field in condition.fields_of(operator):
        leaf[field.name] = operator if field.type == "operator" else draw(values(field))
    if "to_time" in leaf and leaf["time"] == leaf["to_time"]:
        leaf |= {"time": "22:00", "to_time": "06:00"}
    if "to_moment" in leaf and leaf["moment"] == leaf["to_moment"]:
        leaf["to_moment"] = "2199-12-31T00:00"
    if isinstance(leaf.get("to"), str):
        leaf["to"] = "999"
    return ordered(leaf)


def is_valid(leaf: dict[str, Any]) -> bool:
    """Whether the fields go together."""
    try:
        rule_parse(leaf)
    except RuleError:
        return False
    return True


def valid_leaves(condition: Condition) -> st.SearchStrategy[dict[str, Any]]:
    every = leaves(condition)
    return every.filter(is_valid) if condition.check is not None else every


LEAVES = st.one_of([valid_leaves(condition) for condition in CONDITIONS])
LABELS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.text(CHARACTERS, min_size=1, max_size=80),
        "note": st.text(CHARACTERS, min_size=1, max_size=500),
    },
)


@st.composite
def at_least(draw: st.DrawFn, below: st.SearchStrategy[Any]) -> dict[str, Any]:
    members = draw(st.lists(below, min_size=1, max_size=3))
    return {"at_least": draw(st.integers(1, len(members))), "of": members}


def trees(levels: int) -> st.SearchStrategy[dict[str, Any]]:
    """Rules that nest at most so many levels."""
    return trees_of(LEAVES, levels)


def trees_of(
    leaves: st.SearchStrategy[dict[str, Any]], levels: int
) -> st.SearchStrategy[dict[str, Any]]:
    """Rules of these conditions that nest at most so many levels."""
    if levels == 1:
        return leaves
    below = trees_of(leaves, levels - 1)
    members = st.lists(below, min_size=1, max_size=3)
    groups = st.one_of(
        *(st.fixed_dictionaries({kind: members}) for kind in ("all", "any", "none")),
        st.fixed_dictionaries({"not": below}),
        at_least(below),
    )
    return st.one_of(leaves, st.builds(lambda group, labels: {**group, **labels}, groups, LABELS))
