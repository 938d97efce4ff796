"""The rule form's fields: posted ones as a rule tree, and which field an error belongs to.

A node's fields are named by its place in the tree: `rule.kind` and `rule.needed` for a group,
`rule.0.condition` and `rule.0.value` for its first member. So the form works as plain HTML; the
browser's script only adds, moves and removes rows and renames what follows.

What never gets in: requests, widgets, storage. What is valid is rules.tree's to say.
"""

import re
from collections.abc import Mapping
from typing import Any

from personalization.rule_form.parts import number_from, value_from_parts
from personalization.rules.conditions import BY_KIND, Condition, Field
from personalization.rules.tree import LABELS, MAX_DEPTH, RuleError, fields_errors, rule_parse

ROOT = "rule"
_LINE = re.compile(r"\r?\n")
_STEP = re.compile(r"(\w+)(?:\[(\d+)\])?")

Place = tuple[int, ...]


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
    root = members_of(tree)
    if root is None or not root:
        return {}
    is_bare = nodes[()].get("bare") and nodes[()].get("kind") == "all" and len(tree) == 1
    return root[0] if is_bare and len(root) == 1 and "condition" in root[0] else tree


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
    labels = {name: parts[name] for name in LABELS if parts.get(name)}
    if kind == "at_least":
        return {"at_least": number_from(parts.get("needed", "")), "of": members, **labels}
    if kind == "not" and len(members) == 1:
        return {"not": members[0], **labels}
    return {"none" if kind == "not" else kind: members, **labels}


def _leaf_from_posted(parts: Mapping[str, str]) -> dict[str, Any]:
    kind = parts["condition"]
    condition = BY_KIND.get(kind)
    leaf: dict[str, Any] = {"condition": kind}
    if condition is None:
        return leaf
    operator = parts.get("operator", condition.operator_default)
    for described in condition.fields_of(operator):
        leaf[described.name] = _value_from(described, parts)
    return leaf


def _value_from(described: Field, parts: Mapping[str, str]) -> Any:
    """A field's value from what was posted: texts a line each, choices a box each."""
    name = described.name
    if described.type in ("where", "window"):
        return value_from_parts(described, parts)
    if described.type == "flag":
        return parts.get(name) == "1"
    if described.type == "choices":
        chosen = [one for one in described.choices or {} if parts.get(choice_part(name, one))]
        return chosen or described.default
    if name not in parts:
        return described.default
    text = parts[name]
    if described.type in ("number", "integer"):
        return number_from(text)
    return [line for line in _LINE.split(text) if line] if described.type == "texts" else text


def choice_part(name: str, choice: str) -> str:
    """What the box of one choice of several is called.

    >>> choice_part("weekdays", "mon")
    'weekdays-mon'
    """
    return f"{name}-{choice}"


# --- What is wrong, and beside which field ------------------------------------------------------


def tree_errors(tree: Any) -> dict[str, str]:
    """Messages by the name of the field, or of the row or group, they belong to."""
    errors: dict[str, str] = {}
    is_bare = isinstance(tree, dict) and "condition" in tree
    _fields_check(tree, f"{ROOT}.0" if is_bare else ROOT, errors)
    try:
        rule_parse(tree)
    except RuleError as error:
        errors.setdefault(name_of(error.where, is_bare=is_bare), error.message)
    return errors


def _fields_check(tree: Any, name: str, errors: dict[str, str]) -> None:
    if isinstance(tree, dict) and "condition" in tree:
        condition = condition_of(tree)
        for field, message in fields_errors(condition, tree) if condition else ():
            errors.setdefault(f"{name}.{field}", message)
        return
    for index, member in enumerate(members_of(tree) or ()):
        _fields_check(member, f"{name}.{index}", errors)


def name_of(where: str, *, is_bare: bool) -> str:
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


def condition_of(leaf: Mapping[str, Any]) -> Condition | None:
    """The kind of condition a leaf names; None for one there is not."""
    kind = leaf["condition"]
    return BY_KIND.get(kind) if isinstance(kind, str) else None


def members_of(tree: Any) -> list[Any] | None:
    """The members of a group; None for what is no group."""
    if not isinstance(tree, dict):
        return None
    if "not" in tree:
        return [tree["not"]]
    for kind in ("of", "all", "any", "none"):
        if isinstance(tree.get(kind), list):
            return list(tree[kind])
    return None
