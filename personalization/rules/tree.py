"""The rule tree: JSON in, a checked rule out.

    {"all": [{"condition": "affinity", "category": "gardening", "horizon": "long",
              "operator": ">=", "value": 5},
             {"not": {"condition": "device", "value": "phone"}}],
     "name": "Gardeners", "note": "Agreed with the spring team."}

Groups are `all`, `any`, `none` (lists), `not` (one), and `at_least` with `of`; each may have a
`name` and a `note`. Whatever is not known here is refused, naming the field and the reason: a rule
that was accepted has no error left to make when it is asked.
"""

from collections.abc import Callable, Mapping
from typing import Any

from personalization.rules.conditions import BY_KIND, Condition
from personalization.rules.conditions.segments import KIND as SEGMENT
from personalization.rules.fields import MAX_TEXT, Field, field_error, field_normal, text_error
from personalization.rules.nodes import (
    GROUP_SENTENCES,
    Group,
    Leaf,
    Node,
    Trace,
    rule_as_json,
    rule_awaits,
    rule_conditions,
    rule_features,
    rule_purposes,
    sentence_of,
)
from personalization.rules.operators import Answer
from personalization.rules.sentences import event_words, readable
from personalization.rules.versions import version_key

__all__ = (
    "GROUP_SENTENCES",
    "LABELS",
    "MAX_CONDITIONS",
    "MAX_DEPTH",
    "MAX_NAME",
    "MAX_NOTE",
    "MAX_TEXT",
    "Answer",
    "Group",
    "Leaf",
    "Node",
    "RuleError",
    "Trace",
    "event_words",
    "field_error",
    "fields_errors",
    "readable",
    "rule_as_json",
    "rule_awaits",
    "rule_conditions",
    "rule_features",
    "rule_parse",
    "rule_purposes",
    "rule_same",
    "sentence_of",
)

MAX_DEPTH = 5
MAX_CONDITIONS = 50
MAX_NAME = 80
MAX_NOTE = 500
#: What people call a group, with the most characters of each.
LABELS = {"name": MAX_NAME, "note": MAX_NOTE}


class RuleError(ValueError):
    """A rule that cannot be used; `where` is the path of the wrong part, as "all[0].value"."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where
        self.message = message


class _Reading:
    """How far a rule is read: its conditions so far, and whether segments' rules were put in."""

    def __init__(self, *, is_inlined: bool) -> None:
        self.conditions = 0
        self.is_inlined = is_inlined
        self.labels = (*LABELS, "segment") if is_inlined else tuple(LABELS)


def rule_parse(tree: Any, *, is_inlined: bool = False) -> Node:
    """A rule from its JSON; raises RuleError naming the wrong part.

    Of one that `is_inlined` (rules.inlining), groups may stand for segments. Of any other, being in
    a segment is unknown.

    >>> rule_as_json(rule_parse({"condition": "device", "value": "phone"}))
    {'condition': 'device', 'value': 'phone'}
    """
    return _parse(tree, "", 1, _Reading(is_inlined=is_inlined))


def rule_same(one: Any, other: Any) -> bool:
    """Whether two rules as JSON ask the same: a field that one of them has not, as it was stored
    before there was one, has its default.

    >>> rule_same({"condition": "visits", "value": 2}, {"condition": "visits", "operator": ">="})
    True
    """
    if one == other:
        return True
    try:
        rules = [rule_as_json(rule_parse(tree, is_inlined=True)) for tree in (one, other)]
    except RuleError:
        return False
    return rules[0] == rules[1]


def _parse(tree: Any, where: str, depth: int, reading: _Reading) -> Node:
    if not isinstance(tree, dict):
        raise RuleError(where, "A rule is an object: a group or a condition.")
    if depth > MAX_DEPTH:
        raise RuleError(where, f"Groups nest at most {MAX_DEPTH} deep.")
    if "condition" in tree:
        reading.conditions += 1
        if reading.conditions > MAX_CONDITIONS:
            raise RuleError(where, f"A rule has at most {MAX_CONDITIONS} conditions.")
        return _parse_leaf(tree, where, reading)
    name, note = (_parse_label(tree, label, where) for label in LABELS)
    keys = set(tree) - set(reading.labels)
    segment = tree["segment"] if "segment" in reading.labels and "segment" in tree else ""
    if segment and keys == {"all"}:
        depth -= 1  # it is no group of anybody's: the segment's rule stands in its place
    if keys == {"not"}:
        member = _parse(tree["not"], _join(where, "not"), depth + 1, reading)
        return Group("not", (member,), 0, name, note, segment)
    if keys == {"at_least", "of"}:
        members = _parse_members(tree["of"], _join(where, "of"), depth, reading)
        needed = tree["at_least"]
        if type(needed) is not int or not 1 <= needed <= len(members):
            raise RuleError(_join(where, "at_least"), f"Use a number from 1 to {len(members)}.")
        return Group("at_least", members, needed, name, note)
    if len(keys) == 1 and keys <= {"all", "any", "none"}:
        kind = next(iter(keys))
        members = _parse_members(tree[kind], _join(where, kind), depth, reading)
        return Group(kind, members, 0, name, note, segment)
    raise RuleError(where, f"Unknown group {_shown(', '.join(sorted(map(str, keys))))}.")


def _parse_label(tree: Mapping[str, Any], name: str, where: str) -> str:
    if name not in tree:
        return ""
    value = tree[name]
    message = text_error(value, most=LABELS[name])
    if message or not value:
        raise RuleError(_join(where, name), message or "use text, or leave it out.")
    return str(value)


def _parse_members(value: Any, where: str, depth: int, reading: _Reading) -> tuple[Node, ...]:
    if not isinstance(value, list) or not value:
        raise RuleError(where, "Add at least one condition.")
    return tuple(
        _parse(member, f"{where}[{index}]", depth + 1, reading)
        for index, member in enumerate(value)
    )


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _shown(value: Any) -> str:
    """What somebody wrote, cut, with nothing in it that is not plain text."""
    return ascii(value)[:80] if isinstance(value, str) else f"of type {type(value).__name__}"


def _parse_leaf(tree: Mapping[str, Any], where: str, reading: _Reading) -> Leaf:
    kind = tree["condition"]
    segment_name = ""
    if reading.is_inlined and kind == SEGMENT and "name" in tree:
        segment_name = _parse_label(tree, "name", where)
        tree = {key: value for key, value in tree.items() if key != "name"}
    condition = BY_KIND.get(kind) if isinstance(kind, str) else None
    if condition is None:
        raise RuleError(_join(where, "condition"), f"There is no condition {_shown(kind)}.")
    for name, message in fields_errors(condition, tree):
        raise RuleError(_join(where, name), message)
    fields = condition.fields_of(tree.get("operator", condition.operator_default))
    params = {
        field.name: field_normal(field, tree.get(field.name, field.default)) for field in fields
    }
    return Leaf(condition, params, segment_name=segment_name)


def fields_errors(condition: Condition, tree: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(field, what is wrong) of a condition's JSON, in the order of its fields; a wrong operator
    alone, since the fields depend on it."""
    operator = tree.get("operator", condition.operator_default)
    for field in condition.fields:
        if field.type == "operator" and (message := field_error(field, operator)):
            return [("operator", message)]
    fields = condition.fields_of(operator)
    known = {field.name for field in fields} | {"condition"}
    errors = [
        (_shown(name)[1:-1], _unknown_field(condition, name, operator))
        for name in sorted(map(str, set(tree) - known))
    ]
    values = {field.name: tree.get(field.name, field.default) for field in fields}
    errors += [
        (field.name, message)
        for field in fields
        if (message := field_error(field, values[field.name]))
    ]
    return errors or _order_errors(fields, values) or _check_errors(condition, values)


def _check_errors(condition: Condition, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    wrong = condition.check(values) if condition.check is not None else None
    return [wrong] if wrong else []


def _unknown_field(condition: Condition, name: str, operator: object) -> str:
    if any(field.name == name for field in condition.fields):
        label = condition.operator_of(operator)
        return f"{condition.label!r} has no such field with {label.label if label else operator!r}."
    return f"{condition.label!r} has no such field."


#: Pairs of fields of which the second comes after the first: at the same place or later, or later.
_ORDERED: tuple[tuple[str, str, bool], ...] = (
    ("value", "to", True),
    ("moment", "to_moment", False),
)


def _order_errors(fields: list[Field], values: Mapping[str, Any]) -> list[tuple[str, str]]:
    by_name = {field.name: field for field in fields}
    for low, high, may_be_equal in _ORDERED:
        if low in by_name and high in by_name:
            key: Callable[[Any], Any] = version_key if by_name[low].type == "version" else _same
            start, end = key(values[low]), key(values[high])
            if end < start or (end == start and not may_be_equal):
                return [(high, f"{by_name[high].label}: use a later one than the first.")]
    if "to_time" in by_name and values["time"] == values["to_time"]:
        return [("to_time", f"{by_name['to_time'].label}: use another time than the first.")]
    return []


def _same(value: Any) -> Any:
    return value
