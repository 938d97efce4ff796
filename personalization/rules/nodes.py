"""The nodes of a checked rule, and their three-valued answers with their trace.

Kleene's logic: an unknown answer is neither true nor false, so NOT of unknown stays unknown and
nobody is targeted for what is not known of them. A node is compiled into closures when it is made;
an explanation asks the same closures.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import itemgetter
from typing import Any, NamedTuple

from personalization.rules.conditions import Ask, Condition
from personalization.rules.context import Context
from personalization.rules.operators import Answer
from personalization.rules.sentences import condition_sentence
from profiles.features.definition import Feature


class Trace(NamedTuple):
    """One line of an explanation: what was asked, the answer, and what was measured.

    `negates` says that a group holds by what does not, `is_segment` that it stands for a segment.
    """

    sentence: str
    answer: Answer
    measured: Any = None
    depth: int = 0
    is_group: bool = False
    negates: bool = False
    is_segment: bool = False


@dataclass(frozen=True)
class Leaf:
    """One condition with its parameters. An `is_open` one answers unknown, whatever it asks: where
    what it asks about is not there, as a page in a count over profiles. `segment_name` is what the
    segment is called of which it asks when somebody came in or left (rules.inlining)."""

    condition: Condition
    params: Mapping[str, Any]
    is_open: bool = False
    segment_name: str = ""
    ask: Ask = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        ask = _unknown if self.is_open else self.condition.ask(self.params)
        object.__setattr__(self, "ask", ask)

    @cached_property
    def sentence(self) -> str:
        """The condition in plain words, with categories by their slugs."""
        return sentence_of(self)

    @property
    def said_always(self) -> tuple[str, ...]:
        """What is said of it whenever it holds."""
        return (self.sentence,)

    @cached_property
    def measured(self) -> Callable[[Context], Any]:
        """What is measured in a context."""
        return _unknown if self.is_open else self.condition.measured(self.params)

    def test(self, context: Context, trace: list[Trace] | None = None, depth: int = 0) -> Answer:
        """The answer; with a `trace`, its lines are added there."""
        answer = self.ask(context)
        if trace is not None:
            measured = self.condition.shown(self.measured(context))
            trace.append(Trace(self.sentence, answer, measured, depth))
        return answer


@dataclass(frozen=True)
class Group:
    """Conditions joined. `needed` is how many must be true for `at_least`. `name` and `note` are
    for people and change no answer. `segment` is the key of the segment whose rule was put in here
    (rules.inlining), and `name` then what it is called."""

    kind: str
    members: "tuple[Node, ...]"
    needed: int = 0
    name: str = ""
    note: str = ""
    segment: str = ""
    ask: Ask = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ask", self._joined([member.ask for member in self.members]))

    def _joined(self, asks: Sequence[Callable[[Any], Answer]]) -> Callable[[Any], Answer]:
        return JOINS[self.kind](tuple(asks), self.needed)

    @property
    def negates(self) -> bool:
        return self.kind in ("none", "not")

    @property
    def sentence(self) -> str:
        """What stands above the members."""
        if self.segment:
            return f"{'not ' * self.negates}in the segment “{self.name}”"
        return GROUP_SENTENCES[self.kind].format(needed=self.needed)

    @cached_property
    def _answer(self) -> Callable[[Any], Answer]:
        """The same join, of the answers that members have given."""
        return self._joined(list(map(itemgetter, range(len(self.members)))))

    def test(self, context: Context, trace: list[Trace] | None = None, depth: int = 0) -> Answer:
        """The answer; with a `trace`, every member is asked and its lines are added there."""
        if trace is None:
            return self.ask(context)
        place = len(trace)
        answers = [member.test(context, trace, depth + 1) for member in self.members]
        answer = self._answer(answers)
        line = Trace(
            self.sentence, answer, None, depth, is_group=True, negates=self.negates,
            is_segment=bool(self.segment),
        )  # fmt: skip
        trace.insert(place, line)
        return answer

    @cached_property
    def said_always(self) -> tuple[str, ...] | None:
        """What is said of it whenever it holds; None where it depends on which members do."""
        if self.negates:
            return (self.sentence,) if self.segment else ()
        parts = [member.said_always for member in self.members]
        known = [part for part in parts if part is not None]
        if self.kind != "all" or len(known) < len(parts):
            return None
        return self.said(tuple(one for part in known for one in part))

    def said(self, below: tuple[str, ...]) -> tuple[str, ...]:
        """What its members hold by, under the name of the segment where it stands for one."""
        if not self.segment:
            return below
        because = " and ".join(below)
        return (f"{self.sentence} because {because}" if because else self.sentence,)


Node = Leaf | Group
#: Asks of members, and how many of them are needed, to the ask of their group.
Join = Callable[[tuple[Callable[[Any], Answer], ...], int], Callable[[Any], Answer]]


def _unknown(context: Context) -> Answer:
    return None


def _all(asks: tuple[Callable[[Any], Answer], ...], needed: int) -> Callable[[Any], Answer]:
    def ask(given: Any) -> Answer:
        result: Answer = True
        for one in asks:
            answer = one(given)
            if answer is False:
                return False
            if answer is None:
                result = None
        return result

    return ask


def _any(asks: tuple[Callable[[Any], Answer], ...], needed: int) -> Callable[[Any], Answer]:
    def ask(given: Any) -> Answer:
        result: Answer = False
        for one in asks:
            answer = one(given)
            if answer is True:
                return True
            if answer is None:
                result = None
        return result

    return ask


def _none(asks: tuple[Callable[[Any], Answer], ...], needed: int) -> Callable[[Any], Answer]:
    any_of = _any(asks, needed)

    def ask(given: Any) -> Answer:
        answer = any_of(given)
        return None if answer is None else not answer

    return ask


def _at_least(asks: tuple[Callable[[Any], Answer], ...], needed: int) -> Callable[[Any], Answer]:
    def ask(given: Any) -> Answer:
        answers = [one(given) for one in asks]
        if answers.count(True) >= needed:
            return True
        return None if answers.count(True) + answers.count(None) >= needed else False

    return ask


JOINS: Mapping[str, Join] = {
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


def sentence_of(leaf: Leaf, categories: Mapping[str, str] | None = None) -> str:
    """The condition in plain words, with categories by name where names are given."""
    named = {f"segment:{leaf.params['segment']}": leaf.segment_name} if leaf.segment_name else {}
    return condition_sentence(leaf.condition, leaf.params, {**named, **(categories or {})})


def sentences_holding(node: Node, context: Context) -> tuple[str, ...]:
    """By what a rule holds, in plain words and in order; ask it of one that does.

    What a group holds by not being so is not among them, nor a member that holds in a group that
    does not.
    """
    if (known := node.said_always) is not None:
        return known
    assert isinstance(node, Group)
    holding = [
        member for member in node.members if node.kind == "all" or member.ask(context) is True
    ]
    return node.said(
        tuple(said for member in holding for said in sentences_holding(member, context))
    )


def rule_purposes(node: Node) -> set[str]:
    """The purposes a rule needs, from its conditions."""
    return {leaf.condition.needs for leaf in rule_conditions(node)} - {""}


def rule_awaits(node: Node) -> list[str]:
    """Why no campaign can ask some of its conditions yet, each with what to do; none when it can.

    >>> from personalization.rules.tree import rule_parse
    >>> rule_awaits(rule_parse({"condition": "prediction", "model": "churn", "value": 60}))
    ['There is no model named “churn”: take the condition out.']
    """
    said = [
        leaf.condition.awaits.format(sentence=leaf.sentence, **leaf.params)
        for leaf in rule_conditions(node)
        if leaf.condition.awaits
    ]
    return list(dict.fromkeys(said))


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
        name = {"name": node.segment_name} if node.segment_name else {}
        return {"condition": node.condition.kind, **node.params, **name}
    members = [rule_as_json(member) for member in node.members]
    said = (("name", node.name), ("note", node.note), ("segment", node.segment))
    words = {key: text for key, text in said if text}
    if node.kind == "not":
        return {"not": members[0], **words}
    if node.kind == "at_least":
        return {"at_least": node.needed, "of": members, **words}
    return {node.kind: members, **words}
