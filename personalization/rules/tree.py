"""The rule tree: JSON in, a checked rule out, three-valued answers with their trace.

    {"all": [{"condition": "affinity", "category": "gardening", "horizon": "long",
              "operator": ">=", "value": 5},
             {"not": {"condition": "device", "value": "phone"}}]}

Groups are `all`, `any`, `none` (lists), `not` (one), and `at_least` with `of`. Kleene's logic:
an unknown answer is neither true nor false, so NOT of unknown stays unknown and nobody is targeted
for what is not known of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from unicodedata import category

from personalization.rules.conditions import BY_KIND, VERBS, Condition, Field
from personalization.rules.context import Context
from personalization.rules.event_values import PARTED
from profiles.features.definition import Feature

MAX_DEPTH = 5
MAX_CONDITIONS = 50
MAX_TEXT = 200

Answer = bool | None


class RuleError(ValueError):
    """A rule that cannot be used; `where` is the path of the wrong part, as "all[0].value"."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where
        self.message = message


@dataclass(frozen=True)
class Trace:
    """One line of an explanation: what was asked, the answer, and what was measured."""

    sentence: str
    answer: Answer
    measured: Any = None
    depth: int = 0
    is_group: bool = False


@dataclass(frozen=True)
class Leaf:
    """One condition with its parameters."""

    condition: Condition
    params: Mapping[str, Any]

    def test(self, context: Context, trace: list[Trace] | None = None, depth: int = 0) -> Answer:
        measured = self.condition.measure(context, self.params)
        answer = self.condition.decide(measured, self.params)
        if trace is not None:
            trace.append(Trace(sentence_of(self), answer, measured, depth))
        return answer


@dataclass(frozen=True)
class Group:
    """Conditions joined. `needed` is how many must be true for `at_least`."""

    kind: str
    members: "tuple[Node, ...]"
    needed: int = 0

    def test(self, context: Context, trace: list[Trace] | None = None, depth: int = 0) -> Answer:
        if trace is None:
            return _JOIN[self.kind](self, lambda node: node.test(context))
        place = len(trace)
        answers = [member.test(context, trace, depth + 1) for member in self.members]
        given = iter(answers)
        answer = _JOIN[self.kind](self, lambda node: next(given))
        trace.insert(place, Trace(_group_sentence(self), answer, None, depth, is_group=True))
        return answer


Node = Leaf | Group
Ask = Callable[[Node], Answer]


def _all(group: Group, ask: Ask) -> Answer:
    result: Answer = True
    for member in group.members:
        answer = ask(member)
        if answer is False:
            return False
        if answer is None:
            result = None
    return result


def _any(group: Group, ask: Ask) -> Answer:
    result: Answer = False
    for member in group.members:
        answer = ask(member)
        if answer is True:
            return True
        if answer is None:
            result = None
    return result


def _negated(answer: Answer) -> Answer:
    return None if answer is None else not answer


def _none(group: Group, ask: Ask) -> Answer:
    return _negated(_any(group, ask))


def _at_least(group: Group, ask: Ask) -> Answer:
    answers = [ask(member) for member in group.members]
    if answers.count(True) >= group.needed:
        return True
    return None if answers.count(True) + answers.count(None) >= group.needed else False


_JOIN: dict[str, Callable[[Group, Ask], Answer]] = {
    "all": _all,
    "any": _any,
    "none": _none,
    "not": _none,
    "at_least": _at_least,
}
GROUP_SENTENCES = {
    "all": "all of these",
    "any": "any of these",
    "none": "none of these",
    "not": "not this",
    "at_least": "at least {needed} of these",
}


def _group_sentence(group: Group) -> str:
    return GROUP_SENTENCES[group.kind].format(needed=group.needed)


def sentence_of(leaf: Leaf, categories: Mapping[str, str] | None = None) -> str:
    """The condition in plain words, with categories by name where names are given, and campaigns
    where `campaign:<id>` is.

    >>> sentence_of(rule_parse({"condition": "device", "value": "phone"}))
    'using a phone'
    >>> sentence_of(rule_parse({"condition": "events", "category": "home-office", "value": 1}))
    'viewed pages in Home office at least once within 7 days'
    """
    fields, params = leaf.condition.fields, leaf.params
    plain = {field.name: _plain(params[field.name]) for field in fields}
    words = {
        field.name: PARTED[field.type].words(params[field.name])
        if field.type in PARTED
        else _word(field, plain[field.name], categories or {})
        for field in fields
    }
    for values, sentence in leaf.condition.instead:
        if all(plain[name] == value for name, value in values.items()):
            return sentence.format(**words)
    return leaf.condition.sentence.format(**words)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _word(field: Field, value: str, categories: Mapping[str, str]) -> str:
    if field.choices is not None:
        return field.choices.get(value, value)
    if field.type == "category":
        name = categories.get(value) or readable(value)
        return f" in {name}" if field.optional and value else name
    if field.type == "event_type":
        return event_words(value)
    if field.type == "campaign":
        return categories.get(f"campaign:{value}") or f"campaign {value}"
    if field.said is not None:
        one, many = field.said
        return one if value == "1" else many.replace("{}", value)
    return value


def readable(slug: str) -> str:
    """A slug as words.

    >>> readable("home-office")
    'Home office'
    """
    words = slug.replace("-", " ").replace("_", " ")
    return words[:1].upper() + words[1:]


def event_words(name: str) -> str:
    """What somebody did, by the name of the event type."""
    return VERBS.get(name) or name.replace("_", " ")


def rule_parse(tree: Any) -> Node:
    """A rule from its JSON; raises RuleError naming the wrong part."""
    count = [0]
    return _parse(tree, "", 1, count)


def rule_purposes(node: Node) -> set[str]:
    """The purposes a rule needs, from its conditions."""
    if isinstance(node, Leaf):
        return {node.condition.needs} - {""}
    return set().union(*(rule_purposes(member) for member in node.members))


def rule_features(node: Node) -> tuple[Feature, ...]:
    """The declared features a rule reads, each once (docs/features.md)."""
    features = {
        feature.key: feature
        for leaf in rule_conditions(node)
        if leaf.condition.features is not None
        for feature in leaf.condition.features(leaf.params)
    }
    return tuple(features.values())


def rule_conditions(node: Node) -> list[Leaf]:
    """Every condition of a rule, in order."""
    if isinstance(node, Leaf):
        return [node]
    return [leaf for member in node.members for leaf in rule_conditions(member)]


def rule_as_json(node: Node) -> dict[str, Any]:
    """The tree of a rule; parsing it again gives the same rule."""
    if isinstance(node, Leaf):
        return {"condition": node.condition.kind, **node.params}
    if node.kind == "not":
        return {"not": rule_as_json(node.members[0])}
    members = [rule_as_json(member) for member in node.members]
    if node.kind == "at_least":
        return {"at_least": node.needed, "of": members}
    return {node.kind: members}


def _parse(tree: Any, where: str, depth: int, count: list[int]) -> Node:
    if not isinstance(tree, dict):
        raise RuleError(where, "A rule is an object: a group or a condition.")
    if depth > MAX_DEPTH:
        raise RuleError(where, f"Groups nest at most {MAX_DEPTH} deep.")
    if "condition" in tree:
        count[0] += 1
        if count[0] > MAX_CONDITIONS:
            raise RuleError(where, f"A rule has at most {MAX_CONDITIONS} conditions.")
        return _parse_leaf(tree, where)
    keys = set(tree)
    if keys == {"not"}:
        return Group("not", (_parse(tree["not"], _join(where, "not"), depth + 1, count),))
    if keys == {"at_least", "of"}:
        members = _parse_members(tree["of"], _join(where, "of"), depth, count)
        needed = tree["at_least"]
        if type(needed) is not int or not 1 <= needed <= len(members):
            raise RuleError(_join(where, "at_least"), f"Use a number from 1 to {len(members)}.")
        return Group("at_least", members, needed)
    if len(keys) == 1 and keys <= {"all", "any", "none"}:
        kind = next(iter(keys))
        return Group(kind, _parse_members(tree[kind], _join(where, kind), depth, count))
    raise RuleError(where, f"Unknown group {sorted(map(str, keys))!r}.")


def _parse_members(value: Any, where: str, depth: int, count: list[int]) -> tuple[Node, ...]:
    if not isinstance(value, list) or not value:
        raise RuleError(where, "Add at least one condition.")
    return tuple(
        _parse(member, f"{where}[{index}]", depth + 1, count) for index, member in enumerate(value)
    )


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _parse_leaf(tree: Mapping[str, Any], where: str) -> Leaf:
    kind = tree["condition"]
    condition = BY_KIND.get(kind) if isinstance(kind, str) else None
    if condition is None:
        raise RuleError(_join(where, "condition"), f"There is no condition {kind!r}.")
    names = {field.name for field in condition.fields}
    if unknown := sorted(str(name) for name in set(tree) - names - {"condition"}):
        raise RuleError(_join(where, unknown[0]), f"{condition.label!r} has no such field.")
    params = {}
    for field in condition.fields:
        value = tree.get(field.name, field.default)
        if message := field_error(field, value):
            raise RuleError(_join(where, field.name), message)
        params[field.name] = value
    if condition.check is not None and (wrong := condition.check(params)):
        raise RuleError(_join(where, wrong[0]), wrong[1])
    return Leaf(condition, params)


def field_error(field: Field, value: Any) -> str | None:
    """What is wrong with a field's value, in words for the person who typed it; None if fine."""
    if field.type in ("number", "integer"):
        return _number_error(field, value)
    if field.type in PARTED:
        return PARTED[field.type].error(value)
    if not isinstance(value, str):
        return f"{field.label}: choose one." if value is None else f"{field.label}: use text."
    if field.choices is not None and value not in field.choices:
        return f"{field.label}: choose one of {', '.join(field.choices)}."
    if field.type != "text" and not value and not field.optional:
        return f"{field.label}: choose one."
    if len(value) > MAX_TEXT:
        return f"{field.label}: at most {MAX_TEXT} characters."
    if any(category(character) in ("Cc", "Cs") for character in value):
        return f"{field.label}: one line, without control characters."
    return None


def _number_error(field: Field, value: Any) -> str | None:
    wanted = (int,) if field.type == "integer" else (int, float)
    if type(value) not in wanted:
        return f"{field.label}: use a {'whole ' if field.type == 'integer' else ''}number."
    low, high = field.low or 0, field.high or 0
    if not low <= value <= high:
        return f"{field.label}: use a number from {low:g} to {high:g}."
    return None
