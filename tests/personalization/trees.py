"""Random rules: any tree that rule_parse accepts."""

from typing import Any

from hypothesis import strategies as st

from personalization.rules.conditions import CONDITIONS, Condition, Field

#: Any text a rule may hold: no control characters, no halves of characters.
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=200)


def values(field: Field) -> st.SearchStrategy[Any]:
    """What a field may hold."""
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
    return st.fixed_dictionaries({"condition": st.just(condition.kind), **fields})


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
