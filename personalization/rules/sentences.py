"""Conditions in plain words. static/src/admin/sentence.js says the same, which is tested."""

import re
from collections.abc import Mapping
from typing import Any

from personalization.rules.conditions import VERBS, Condition, Field
from personalization.rules.event_values import WORDS

#: `{name}` is a field's word, `{name#}` its bare number, `{name&}` a list joined by "and",
#: `{test}` what the operator says.
_PLACE = re.compile(r"\{(\w+)([#&]?)\}")


def condition_sentence(
    condition: Condition, params: Mapping[str, Any], categories: Mapping[str, str] | None = None
) -> str:
    """A condition with its parameters, with categories by name where names are given, campaigns
    where `campaign:<id>` is, and segments where `segment:<key>` is."""
    fields = {field.name: field for field in condition.fields}
    operator = condition.operator_of(params.get("operator"))

    def said(place: re.Match[str]) -> str:
        name, form = place.groups()
        if name == "test" and operator is not None:
            return _PLACE.sub(said, operator.words)
        return _word(fields[name], params[name], form, categories or {})

    for values, sentence in condition.instead:
        if all(_plain(params.get(name)) == value for name, value in values.items()):
            return _PLACE.sub(said, sentence)
    return _PLACE.sub(said, condition.sentence)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _word(field: Field, given: Any, form: str, categories: Mapping[str, str]) -> str:
    if field.type in WORDS:
        return WORDS[field.type](given, lambda slug: categories.get(slug) or readable(slug))
    if isinstance(given, list):
        return _joined([_one_of(field, one) for one in given], "and" if form == "&" else "or")
    if isinstance(given, bool):
        return (field.said or ("", ""))[not given]
    return _word_of(field, _plain(given), form, categories)


def _word_of(field: Field, value: str, form: str, categories: Mapping[str, str]) -> str:
    if field.type == "category":
        name = categories.get(value) or readable(value)
        return f" in {name}" if field.optional and value else name
    if field.type == "campaign":
        return categories.get(f"campaign:{value}") or f"campaign {value}"
    if field.type == "segment":
        return categories.get(f"segment:{value}") or readable(value)
    if field.type == "event_type":
        return event_words(value)
    if field.type == "moment":
        return value.replace("T", " ")
    if field.choices is not None:
        return field.choices.get(value, value)
    if field.said is not None and form != "#":
        one, many = field.said
        return one if value == "1" else many.replace("{}", value)
    return value


def _one_of(field: Field, value: str) -> str:
    return f"“{value}”" if field.choices is None else field.choices.get(value, value)


def _joined(words: list[str], joint: str) -> str:
    return f" {joint} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


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
