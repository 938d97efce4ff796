"""Segments in a rule: each reference replaced by the rule it refers to, before a rule is used.

    {"condition": "segment", "segment": "gardeners", "operator": "in"}
    {"all": [<the rule of "gardeners">], "name": "Gardeners", "segment": "gardeners"}

So whoever reads a rule sees plain conditions, and the trace keeps the segment's name. "Not in"
becomes `not`. What asks when somebody came in or left stays, with the segment's name beside it. A
segment's rule may refer to others. What cannot be resolved is refused, naming where: a segment that
is not there, a loop, and more than the limits of the language allow, which count through
references. What never gets in: storage.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from personalization.rules.conditions.segments import KIND
from personalization.rules.nodes import Node
from personalization.rules.tree import MAX_CONDITIONS, MAX_DEPTH, RuleError, rule_parse

#: The rule itself is asked; of others it is kept when somebody came or left.
BY_RULE = ("in", "not_in")

Tree = Mapping[str, Any]


class SegmentRule(NamedTuple):
    """What a segment says: its name, and its rule as JSON ({}: nobody yet)."""

    name: str
    rule: Tree


Segments = Mapping[str, SegmentRule]


def rule_inline(tree: Any, segments: Segments) -> dict[str, Any]:
    """A rule with the rules of its segments put in; raises RuleError naming the wrong part.

    The tree must be one that rule_parse accepts, and so must those of the segments.

    >>> segments = {"phones": SegmentRule("Phones", {"condition": "device", "value": "phone"})}
    >>> rule_inline({"condition": "segment", "segment": "phones"}, segments)["segment"]
    'phones'
    """
    rule_parse(tree)
    return _Inliner(segments).inlined(tree, "", 1, ())


def rule_compile(tree: Any, segments: Segments) -> Node:
    """A rule with its segments, ready to be asked; raises RuleError."""
    return rule_parse(rule_inline(tree, segments), is_inlined=True)


def segments_used(tree: Any) -> list[str]:
    """The keys of the segments a rule itself refers to, each once, in order."""
    return list(dict.fromkeys(leaf["segment"] for leaf in _references(tree)))


def segments_dated(tree: Any) -> list[str]:
    """The keys of those of which a rule asks when somebody came in or left."""
    dated = (leaf for leaf in _references(tree) if leaf.get("operator", "in") not in BY_RULE)
    return list(dict.fromkeys(leaf["segment"] for leaf in dated))


def _references(tree: Any) -> Iterator[Tree]:
    if not isinstance(tree, Mapping):
        return
    if "condition" in tree:
        if tree["condition"] == KIND and isinstance(tree.get("segment"), str):
            yield tree
        return
    for value in tree.values():
        for member in value if isinstance(value, list) else (value,):
            yield from _references(member)


class _Inliner:
    """Puts rules in, and counts as it goes: what would be too much is never made."""

    def __init__(self, segments: Segments) -> None:
        self._segments = segments
        self._conditions = 0

    def inlined(self, tree: Tree, where: str, depth: int, path: tuple[str, ...]) -> dict[str, Any]:
        """`path` are the keys of the segments this is in, outermost first; `where` is then the
        place of the first reference, which is what somebody can change."""
        if depth > MAX_DEPTH:
            raise RuleError(where, f"With its segments, groups nest at most {MAX_DEPTH} deep.")
        if "condition" in tree:
            return self._leaf(tree, where, depth, path)
        made = dict(tree)
        for kind in ("all", "any", "none", "of"):
            if kind in tree:
                made[kind] = [
                    self.inlined(one, _at(where, f"{kind}[{index}]", path), depth + 1, path)
                    for index, one in enumerate(tree[kind])
                ]
        if "not" in tree:
            made["not"] = self.inlined(tree["not"], _at(where, "not", path), depth + 1, path)
        return made

    def _leaf(self, leaf: Tree, where: str, depth: int, path: tuple[str, ...]) -> dict[str, Any]:
        if leaf["condition"] == KIND:
            found = self._found(leaf["segment"], where, path)
            self._check(leaf["segment"], found, where, path)
            if leaf.get("operator", "in") in BY_RULE:
                return self._reference(leaf, _at(where, "segment", path), depth, path)
            # It stays as it is; what it rests on has no loop, and counts like the rest.
            self.inlined(found.rule, _at(where, "segment", path), 1, (*path, leaf["segment"]))
            leaf = {**leaf, "name": found.name}
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            message = f"With its segments, a rule has at most {MAX_CONDITIONS} conditions."
            raise RuleError(where, message)
        return dict(leaf)

    def _found(self, key: str, where: str, path: tuple[str, ...]) -> SegmentRule:
        found = self._segments.get(key)
        if found is None:
            message = f"There is no segment “{key}” in use: choose another."
            if path:
                outer = self._segments[path[-1]].name
                message = f"“{outer}” uses the segment “{key}”, which is not in use: change it."
            raise RuleError(_at(where, "segment", path), message)
        return found

    def _check(self, key: str, found: SegmentRule, where: str, path: tuple[str, ...]) -> None:
        place = _at(where, "segment", path)
        if key in path:
            raise RuleError(place, self._loop((*path, key)))
        if len(path) >= MAX_DEPTH:
            raise RuleError(place, f"Segments use each other at most {MAX_DEPTH} deep.")
        if not found.rule:
            message = f"The segment “{found.name}” has no condition yet: finish it first."
            raise RuleError(place, message)

    def _reference(
        self, leaf: Tree, place: str, depth: int, path: tuple[str, ...]
    ) -> dict[str, Any]:
        key = leaf["segment"]
        found, inside = self._segments[key], (*path, key)
        names = {"name": found.name, "segment": key}
        if leaf.get("operator", "in") == "in":
            return {"all": [self.inlined(found.rule, place, depth, inside)], **names}
        return {"not": self.inlined(found.rule, place, depth + 1, inside), **names}

    def _loop(self, path: tuple[str, ...]) -> str:
        loop = path[path.index(path[-1]) :]
        said = ", which uses ".join(f"“{self._segments[key].name}”" for key in loop)
        return f"Segments cannot go round in a circle: {said}."


def _at(where: str, part: str, path: tuple[str, ...]) -> str:
    """The place of a part; inside a segment, that of the reference to it."""
    if path:
        return where
    return f"{where}.{part}" if where else part
