"""A whole rule as one sentence, here and, from the same definitions, in the form as it is edited.

`rule_definitions` is what static/src/admin/sentence.js needs to say the same; a test compares
the two. What never gets in: requests, widgets, storage.
"""

from collections.abc import Mapping
from typing import Any

from personalization.rule_form.names import Names
from personalization.rule_form.parts import part_words
from personalization.rules.conditions import CONDITIONS, Field
from personalization.rules.tree import (
    MAX_CONDITIONS,
    MAX_DEPTH,
    Leaf,
    Node,
    event_words,
    sentence_of,
)

EMPTY = "Nobody yet: add a condition."
JOINED = {"all": " and ", "any": " or "}
NEGATED = ("none", "not")
NEGATION = "not: "
COUNTED = {
    "none": "none of these is true: ",
    "not": "none of these is true: ",
    "at_least": "at least {needed} of these are true: ",
}


def rule_sentence(node: Node, names: Names | None = None, *, opens_segments: bool = False) -> str:
    """The rule in plain words, with categories by name. Segments whose rules were put in go by
    their names; with `opens_segments` their rules are said as well.

    >>> from personalization.rules.tree import rule_parse
    >>> rule_sentence(rule_parse({"all": [{"condition": "device"}, {"condition": "visits"}]}))
    'using a phone and made at least 2 visits'
    """
    return _sentence(node, (names or Names()).said, opens_segments)


def _sentence(node: Node, categories: Mapping[str, str], opens: bool) -> str:
    if isinstance(node, Leaf):
        return sentence_of(node, categories)
    if node.segment and not opens:
        return node.sentence
    if node.segment:
        return f"{node.sentence} ({_sentence(node.members[0], categories, opens)})"
    parts = [_inner(member, categories, opens) for member in node.members]
    if node.kind in JOINED:
        return JOINED[node.kind].join(parts)
    if node.kind in NEGATED and len(parts) == 1:
        return NEGATION + parts[0]
    return COUNTED[node.kind].format(needed=node.needed) + "; ".join(parts)


def _inner(node: Node, categories: Mapping[str, str], opens: bool) -> str:
    sentence = _sentence(node, categories, opens)
    if isinstance(node, Leaf) or node.segment or (node.kind in JOINED and len(node.members) == 1):
        return sentence
    return f"({sentence})"


def rule_definitions(names: Names) -> dict[str, Any]:
    """What the browser needs to say a rule and to know its limits."""
    return {
        "conditions": {
            condition.kind: {
                "sentence": condition.sentence,
                "instead": condition.instead,
                "operators": {
                    name: operator.words for name, operator in (condition.operators or {}).items()
                },
                "fields": {field.name: _words(field, names) for field in condition.fields},
            }
            for condition in CONDITIONS
        },
        "parts": part_words(names.categories),
        "joined": JOINED,
        "counted": COUNTED,
        "negated": NEGATED,
        "negation": NEGATION,
        "empty": EMPTY,
        "max_depth": MAX_DEPTH,
        "max_conditions": MAX_CONDITIONS,
    }


def _words(field: Field, names: Names) -> dict[str, Any]:
    """How a field's value is said: `words` by value, what comes before an optional one, `said`."""
    words: dict[str, str] = {}
    if field.choices is not None:
        words = dict(field.choices)
    elif field.type == "category":
        words = dict(names.categories)
    elif field.type == "campaign":
        words = dict(names.campaigns)
    elif field.type == "segment":
        words = dict(names.segments)
    elif field.type == "event_type":
        words = {name: event_words(name) for name in names.event_types}
    return {
        "words": words,
        "before": " in " if field.type == "category" and field.optional else "",
        "type": field.type,
        "is_number": field.type in ("number", "integer"),
        "is_category": field.type == "category",
        "is_event_type": field.type == "event_type",
        "said": field.said,
    }
