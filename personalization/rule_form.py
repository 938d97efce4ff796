"""The rule form: a rule tree as rows of fields, and posted fields as a rule tree.

A node's fields are named by its place in the tree: `rule.kind` and `rule.needed` for a group,
`rule.0.condition` and `rule.0.value` for its first member. So the form works as plain HTML; the
browser's script only adds, moves and removes rows and renames what follows.

What never gets in: requests, widgets, storage. What is valid is rules.tree's to say.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from personalization.rules.conditions import BY_KIND, CONDITIONS, Field
from personalization.rules.tree import MAX_DEPTH, RuleError, field_error, rule_parse

ROOT = "rule"
#: What a group can be called in the form; "not" only where a stored rule has one.
GROUP_LABELS = {
    "all": "all of these are true",
    "any": "any of these is true",
    "none": "none of these is true",
    "at_least": "at least",
}
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")

Tree = Mapping[str, Any]
Place = tuple[int, ...]


@dataclass(frozen=True)
class Names:
    """What keys are called: category slugs, event types, purposes; each in the order to offer."""

    categories: Mapping[str, str] = field(default_factory=dict)
    event_types: Mapping[str, str] = field(default_factory=dict)
    purposes: Mapping[str, str] = field(default_factory=dict)

    def of(self, field: Field) -> Mapping[str, str] | None:
        """The choices of a field; None where something is typed."""
        if field.choices is not None:
            return field.choices
        return {
            "category": self.categories,
            "event_type": self.event_types,
            "purpose": self.purposes,
        }.get(field.type)


@dataclass(frozen=True)
class Control:
    """One field as the form shows it. `options` None: an input; `low`, `high` for numbers."""

    name: str
    part: str
    label: str
    value: str
    options: list[tuple[str, str]] | None = None
    type: str = "text"
    low: str = ""
    high: str = ""
    step: str = ""
    unit: str = ""
    error: str = ""


@dataclass(frozen=True)
class Row:
    """A condition as the form shows it. `name` is its place; `error` is about the whole row."""

    name: str
    kind: str
    label: str
    controls: list[Control]
    error: str = ""
    is_group: bool = False


@dataclass(frozen=True)
class Box:
    """A group as the form shows it; `depth` 1 is the rule itself."""

    name: str
    kind: str
    needed: str
    members: "list[Row | Box]"
    depth: int = 1
    is_bare: bool = False
    error: str = ""
    needed_error: str = ""
    is_group: bool = True

    @property
    def kinds(self) -> list[tuple[str, str]]:
        extra = {"not": "this is not true"} if self.kind == "not" else {}
        return list((GROUP_LABELS | extra).items())

    @property
    def can_nest(self) -> bool:
        """A group needs a level below it for its conditions."""
        return self.depth < MAX_DEPTH - 1

    @property
    def next_name(self) -> str:
        """Where one more row goes."""
        return f"{self.name}.{len(self.members)}"


# --- Posted fields to a tree -------------------------------------------------------------------


def tree_from_posted(posted: Mapping[str, str]) -> dict[str, Any]:
    """The tree of a posted form, checked by nobody yet; {} when no condition was chosen.

    >>> tree_from_posted({"rule.kind": "any", "rule.0.condition": "visits", "rule.0.value": "3"})
    {'any': [{'condition': 'visits', 'operator': '>=', 'value': 3}]}
    """
    nodes: dict[Place, dict[str, str]] = {(): {}}
    for name, value in posted.items():
        head, *steps = name.split(".")
        if head != ROOT or not steps:
            continue
        *places, part = steps
        if _is_place(places):
            place = tuple(map(int, places))
            nodes.setdefault(place, {})[part] = value
            for length in range(len(place)):
                nodes.setdefault(place[:length], {})
    members: dict[Place, list[Place]] = {}
    for place in sorted(nodes):
        if place:
            members.setdefault(place[:-1], []).append(place)
    tree = _node_from_posted((), nodes, members)
    root = _members_of(tree)
    if root is None or not root:
        return {}
    if nodes[()].get("bare") and nodes[()].get("kind") == "all" and "condition" in root[0]:
        return tree if len(root) > 1 else root[0]
    return tree


def _is_place(steps: list[str]) -> bool:
    """One level more than a rule may have is read, so that too deep a rule is refused, not cut."""
    return len(steps) <= MAX_DEPTH and all(
        len(step) <= 4 and step.isascii() and step.isdigit() for step in steps
    )


def _node_from_posted(
    place: Place, nodes: Mapping[Place, Mapping[str, str]], below: Mapping[Place, list[Place]]
) -> dict[str, Any]:
    parts = nodes[place]
    if "condition" in parts and place:
        return _leaf_from_posted(parts)
    members = [
        node
        for child in below.get(place, ())
        if (node := _node_from_posted(child, nodes, below)) != {"condition": ""}
    ]
    kind = parts.get("kind", "all")
    if kind == "at_least":
        return {"at_least": _number_from(parts.get("needed", "")), "of": members}
    if kind == "not" and len(members) == 1:
        return {"not": members[0]}
    return {"none" if kind == "not" else kind: members}


def _leaf_from_posted(parts: Mapping[str, str]) -> dict[str, Any]:
    kind = parts["condition"]
    condition = BY_KIND.get(kind)
    leaf: dict[str, Any] = {"condition": kind}
    for described in condition.fields if condition else ():
        value: Any = parts.get(described.name, described.default)
        if isinstance(value, str) and described.type in ("number", "integer"):
            value = _number_from(value)
        leaf[described.name] = value
    return leaf


def _number_from(text: str) -> Any:
    """The number a text is, whole if written so; anything else stays text, to be refused."""
    text = text.strip()
    if _WHOLE.fullmatch(text):
        return int(text)
    try:
        return float(text) if text.isascii() and "_" not in text else text
    except ValueError:
        return text


# --- What is wrong, and beside which field ------------------------------------------------------


def tree_errors(tree: Any) -> dict[str, str]:
    """Messages by the name of the field, or of the row or group, they belong to."""
    errors: dict[str, str] = {}
    is_bare = isinstance(tree, dict) and "condition" in tree
    _fields_check(tree, f"{ROOT}.0" if is_bare else ROOT, errors)
    try:
        rule_parse(tree)
    except RuleError as error:
        errors.setdefault(_name_of(error.where, is_bare=is_bare), error.message)
    return errors


def _fields_check(tree: Any, name: str, errors: dict[str, str]) -> None:
    if isinstance(tree, dict) and "condition" in tree:
        condition = _condition_of(tree)
        for described in condition.fields if condition else ():
            message = field_error(described, tree.get(described.name, described.default))
            if message:
                errors[f"{name}.{described.name}"] = message
        return
    for index, member in enumerate(_members_of(tree) or ()):
        _fields_check(member, f"{name}.{index}", errors)


def _name_of(where: str, *, is_bare: bool) -> str:
    """The form's name of a RuleError's place: "all[0].any[2].value" is "rule.0.2.value"."""
    name = f"{ROOT}.0" if is_bare else ROOT
    for word, index in _STEP.findall(where):
        if index:
            name += f".{index}"
        elif word == "not":
            name += ".0"
        elif word == "at_least":
            name += ".needed"
        elif word not in ("all", "any", "none", "of"):
            name += f".{word}"
    return name


# --- A tree to what the form shows --------------------------------------------------------------


def box_from_tree(tree: Any, names: Names, errors: Mapping[str, str] | None = None) -> Box:
    """Any tree as the form's outermost group, also one that is empty or not valid."""
    errors = errors or {}
    if isinstance(tree, dict) and "condition" in tree:
        row = _row(tree, f"{ROOT}.0", names, errors)
        return Box(ROOT, "all", "1", [row], is_bare=True, error=errors.get(ROOT, ""))
    return _box(tree, ROOT, 1, names, errors)


def row_new(kind: str, names: Names, *, name: str = ROOT) -> Row:
    """A row with a condition's defaults; its choices start at the first."""
    condition = BY_KIND[kind]
    controls = [
        _control(described, described.default, name, names, {}) for described in condition.fields
    ]
    return Row(name, kind, condition.label, controls)


def kinds_by_group() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every kind of condition with its label, under the group it is offered in."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for condition in CONDITIONS:
        groups.setdefault(condition.group, []).append((condition.kind, condition.label))
    return list(groups.items())


def _box(tree: Any, name: str, depth: int, names: Names, errors: Mapping[str, str]) -> Box:
    members: list[Row | Box] = [
        _row(member, f"{name}.{index}", names, errors)
        if isinstance(member, dict) and "condition" in member
        else _box(member, f"{name}.{index}", depth + 1, names, errors)
        for index, member in enumerate(_members_of(tree) or ())
    ]
    kinds = (*GROUP_LABELS, "not")
    kind = next((kind for kind in kinds if isinstance(tree, dict) and kind in tree), "all")
    return Box(
        name=name,
        kind=kind,
        needed=str(tree["at_least"]) if kind == "at_least" else "1",
        members=members,
        depth=depth,
        error=errors.get(name, ""),
        needed_error=errors.get(f"{name}.needed", ""),
    )


def _row(leaf: Tree, name: str, names: Names, errors: Mapping[str, str]) -> Row:
    condition = _condition_of(leaf)
    error = errors.get(f"{name}.condition", errors.get(name, ""))
    if condition is None:
        return Row(name, str(leaf["condition"]), str(leaf["condition"]), [], error)
    controls = [
        _control(described, leaf.get(described.name, described.default), name, names, errors)
        for described in condition.fields
    ]
    return Row(name, condition.kind, condition.label, controls, error)


def _control(
    described: Field, value: Any, row: str, names: Names, errors: Mapping[str, str]
) -> Control:
    name = f"{row}.{described.name}"
    choices = names.of(described)
    shown = "" if value is None else str(value)
    options = None
    if choices is not None:
        options = (
            [("", "any" if described.optional else "choose …")]
            if (described.optional or value is None)
            else []
        )
        options += choices.items()
        if shown and shown not in choices:
            options.append((shown, f"{shown} (not there any more)"))
    is_number = described.type in ("number", "integer")
    return Control(
        name=name,
        part=described.name,
        label=described.label,
        value=shown,
        options=options,
        type="number" if is_number else "text",
        low=f"{described.low or 0:g}" if is_number else "",
        high=f"{described.high:.15g}" if is_number and described.high is not None else "",
        step="1" if described.type == "integer" else "any",
        unit=described.unit,
        error=errors.get(name, ""),
    )


def _condition_of(leaf: Tree) -> Any:
    kind = leaf["condition"]
    return BY_KIND.get(kind) if isinstance(kind, str) else None


def _members_of(tree: Any) -> list[Any] | None:
    """The members of a group; None for what is no group."""
    if not isinstance(tree, dict):
        return None
    if "not" in tree:
        return [tree["not"]]
    for kind in ("of", "all", "any", "none"):
        if isinstance(tree.get(kind), list):
            return list(tree[kind])
    return None
