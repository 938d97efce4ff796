"""Random rules: any tree that rule_parse accepts."""

from typing import Any

from hypothesis import strategies as st

from personalization.rules.conditions import CONDITIONS, Condition, Field
from personalization.rules.tree import RuleError, rule_parse

#: Any text a rule may hold: no control characters, no halves of characters.
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=200)


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
#: What fields of events may hold, by their type.
OF_EVENTS: dict[str, st.SearchStrategy[Any]] = {
    "event_type": st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True),
    "event_field": st.sampled_from(["item", "value", "property.price"]),
    "where": FILTERS,
    "window": WINDOWS,
    "zone": st.sampled_from(["UTC", "Asia/Kathmandu"]),
    "campaign": st.integers(1, 10**9).map(str),
}


def values(field: Field) -> st.SearchStrategy[Any]:
    """What a field may hold."""
    if field.type in OF_EVENTS:
        return OF_EVENTS[field.type]
    if field.choices is not None:
        return st.sampled_from(sorted(field.choices))
    low, high = field.low or 0, field.high or 0
    if field.type == "integer":
        return st.integers(int(low), int(high))
    if field.type == "number":
        return st.floats(low, high) | st.integers(int(low) + 1, int(high))
    if field.type == "text":
        return TEXT
    return TEXT if field.optional else TEXT.filter(bool)


def leaves(condition: Condition) -> st.SearchStrategy[dict[str, Any]]:
    """A condition with every field given."""
    fields = {field.name: values(field) for field in condition.fields}
    every = st.fixed_dictionaries({"condition": st.just(condition.kind), **fields})
    return every.filter(is_valid) if condition.check is not None else every


def is_valid(leaf: dict[str, Any]) -> bool:
    """Whether the fields go together."""
    try:
        rule_parse(leaf)
    except RuleError:
        return False
    return True


LEAVES = st.one_of([leaves(condition) for condition in CONDITIONS])


@st.composite
def at_least(draw: st.DrawFn, below: st.SearchStrategy[Any]) -> dict[str, Any]:
    members = draw(st.lists(below, min_size=1, max_size=3))
    return {"at_least": draw(st.integers(1, len(members))), "of": members}


def trees(levels: int) -> st.SearchStrategy[dict[str, Any]]:
    """Rules that nest at most so many levels."""
    if levels == 1:
        return LEAVES
    below = trees(levels - 1)
    members = st.lists(below, min_size=1, max_size=3)
    groups = [st.fixed_dictionaries({kind: members}) for kind in ("all", "any", "none")]
    return st.one_of(LEAVES, *groups, st.fixed_dictionaries({"not": below}), at_least(below))
