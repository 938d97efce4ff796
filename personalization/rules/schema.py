"""The JSON Schema of rules, made from CONDITIONS: docs/rule.schema.json, which a test keeps true.

It accepts what rule_parse accepts, but for what UNSAID lists, which no JSON Schema can say or none
should: there rule_parse is stricter. A rule that the schema refuses is refused by rule_parse.
"""

import json
from typing import Any

from personalization.rules.conditions import CONDITIONS, Condition, Field
from personalization.rules.fields import FIELD_TYPES, text_schema, window_schema
from personalization.rules.tree import LABELS, MAX_CONDITIONS, MAX_DEPTH

#: What rule_parse refuses though the schema accepts it, as parts of what it then says.
UNSAID = {
    "how many conditions a rule has in all": "A rule has at most",
    "that `at_least` is no more than there are members": "Use a number from 1 to",
    "that the second of two values is the later one": "use a later one than the first",
    "that two times of day differ": "use another time than the first",
    "which days and moments there are": "use a day",
    "which times of day there are": "use a time of day",
    "which time zones there are": "there is no such time zone",
    "which time zones the calendar of a window has": "there is no time zone",
    "what an event type may be called": "An event type is up to 40",
    "that a window between dates has one of them, and they are in order": "before which it ends",
    "which operators and values a filter's field takes": "filter ",
    "that numbers are made from a field of numbers": "needs numbers",
    "that of what arrives in parts there is a sum and a mean only": "arrives in parts",
    "how many days or weeks can lie in a window": "can lie in",
    "that different days are counted over at most 63 days": "when days are counted",
    "that a category of what may not lie between comes with an event": "may not lie between",
    "how long a pause may be": "together with the days since",
    "that a whole number is not written with a fraction of zero": "use a whole number",
}


def rule_schema() -> dict[str, Any]:
    """The schema of a rule tree, draft 2020-12."""
    levels = {f"level{depth}": _level(depth) for depth in range(1, MAX_DEPTH + 1)}
    leaves = {condition.kind: _leaf(condition) for condition in CONDITIONS}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A rule of Attune",
        "$ref": "#/$defs/level1",
        "$defs": {
            **levels,
            "condition": {
                "type": "object",
                "required": ["condition"],
                "properties": {"condition": {"enum": list(leaves)}},
                "allOf": [
                    {
                        "if": {"properties": {"condition": {"const": kind}}},
                        "then": {"$ref": f"#/$defs/condition_{kind}"},
                    }
                    for kind in leaves
                ],
            },
            "window": window_schema(),
            **{f"condition_{kind}": schema for kind, schema in leaves.items()},
        },
    }


def _level(depth: int) -> dict[str, Any]:
    """A node at a depth: a condition, or a group of nodes one level further down."""
    condition = {"$ref": "#/$defs/condition"}
    if depth == MAX_DEPTH:
        return condition
    below = {"$ref": f"#/$defs/level{depth + 1}"}
    members = {"type": "array", "minItems": 1, "items": below}
    needed = {"type": "integer", "minimum": 1, "maximum": MAX_CONDITIONS}
    groups = [
        *(_group({kind: members}) for kind in ("all", "any", "none")),
        _group({"not": below}),
        _group({"at_least": needed, "of": members}),
    ]
    is_condition = {"type": "object", "required": ["condition"]}
    return {"if": is_condition, "then": condition, "else": {"oneOf": groups}}


def _group(properties: dict[str, Any]) -> dict[str, Any]:
    labels = {name: text_schema(least=1, most=most) for name, most in LABELS.items()}
    return _object({**properties, **labels}, required=list(properties))


def _leaf(condition: Condition) -> dict[str, Any]:
    """A condition: its fields, which with operators depend on which one is chosen."""
    if condition.operators is None:
        return _fields(condition, list(condition.fields), {})
    by_fields: dict[tuple[str, ...], list[str]] = {}
    for name, operator in condition.operators.items():
        by_fields.setdefault(operator.fields, []).append(name)
    variants = [
        _fields(condition, condition.fields_of(names[0]), {"operator": {"enum": names}})
        for names in by_fields.values()
    ]
    return {"oneOf": variants}


def _fields(condition: Condition, fields: list[Field], chosen: dict[str, Any]) -> dict[str, Any]:
    properties = {field.name: FIELD_TYPES[field.type].schema(field) for field in fields} | chosen
    is_default = condition.operator_default in chosen.get("operator", {}).get("enum", [])
    required = [
        field.name
        for field in fields
        if field.default is None or (field.type == "operator" and not is_default)
    ]
    properties = {"condition": {"const": condition.kind}, **properties}
    return _object(properties, required=["condition", *required])


def _object(properties: dict[str, Any], *, required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


if __name__ == "__main__":
    print(json.dumps(rule_schema(), indent=1, ensure_ascii=True))
