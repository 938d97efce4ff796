"""What the rule form shows: a rule tree as boxes, rows and controls, with what they are called.

Any tree can be shown, also one that is empty, not valid, or names what is not there any more.
What never gets in: requests, widgets, storage.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from personalization.rule_form.names import Names
from personalization.rule_form.offers import hint_of
from personalization.rule_form.parts import (
    OPERATOR_CHOICES,
    WINDOW_CHOICES,
    filter_choices,
    parts_of_filters,
    parts_of_window,
)
from personalization.rule_form.posted import ROOT, choice_part, condition_of, members_of
from personalization.rules.conditions import BY_KIND, Condition, Field
from personalization.rules.event_values import MAX_FILTERS
from personalization.rules.tree import LABELS, MAX_DEPTH, MAX_TEXT
from profiles.features.definition import MAX_VISITS

#: What a group can be called in the form; "not" only where a stored rule has one.
GROUP_LABELS = {
    "all": "all of these are true",
    "any": "any of these is true",
    "none": "none of these is true",
    "at_least": "at least",
}


#: What an optional field says where nothing is chosen; others say "any".
NOTHING = {"event_type": "nothing"}
#: What a field is typed into: the type of an input, or "lines", "boxes", "box". A choice is none.
INPUTS: Mapping[str, str] = {
    "number": "number",
    "integer": "number",
    "texts": "lines",
    "choices": "boxes",
    "flag": "box",
    "date": "date",
    "moment": "datetime-local",
    "time": "time",
    "zone": "zone",
}


@dataclass(frozen=True)
class Option:
    """One box of several."""

    name: str
    part: str
    choice: str
    label: str
    is_chosen: bool


@dataclass(frozen=True)
class Control:
    """One field as the form shows it. `options` None: what INPUTS says; `low`, `high` for numbers.

    `operators` are those that take the field, "" for all of them; `is_idle` where the chosen one
    does not. A value that has parts has them in `parts`, one line of controls for a window and one
    for each filter; `spare` is one more filter, for a browser that adds none.
    """

    name: str
    part: str
    label: str
    value: str
    options: list[tuple[str, str]] | None = None
    boxes: list[Option] = field(default_factory=list)
    type: str = "text"
    low: str = ""
    high: str = ""
    step: str = ""
    unit: str = ""
    most: int = MAX_TEXT
    error: str = ""
    operators: str = ""
    is_idle: bool = False
    rows: int = 3
    parts: "list[list[Control]] | None" = None
    spare: "list[Control] | None" = None

    @property
    def kind(self) -> str:
        """The shape of the control, for the template."""
        if self.parts is not None:
            return self.type
        if self.options is not None:
            return "choice"
        return self.type if self.type in ("lines", "boxes", "box", "number", "zone") else "input"


@dataclass(frozen=True)
class Row:
    """A condition as the form shows it. `name` is its place; `error` is about the whole row."""

    name: str
    kind: str
    label: str
    controls: list[Control]
    error: str = ""
    hint: str = ""
    is_group: bool = False
    is_offered: bool = True


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
    labels: list[Control] = field(default_factory=list)
    is_group: bool = True

    @property
    def kinds(self) -> list[tuple[str, str]]:
        extra = {"not": "this is not true"} if self.kind == "not" else {}
        return list((GROUP_LABELS | extra).items())

    @property
    def is_labelled(self) -> bool:
        """Whether it has a name or a note, or an error in them, to be shown at once."""
        return any(control.value or control.error for control in self.labels)

    @property
    def can_nest(self) -> bool:
        """A group needs a level below it for its conditions."""
        return self.depth < MAX_DEPTH - 1

    @property
    def next_name(self) -> str:
        """Where one more row goes."""
        return f"{self.name}.{len(self.members)}"


def box_from_tree(tree: Any, names: Names, errors: Mapping[str, str] | None = None) -> Box:
    """Any tree as the form's outermost group, also one that is empty or not valid."""
    errors = errors or {}
    if isinstance(tree, dict) and "condition" in tree:
        row = _row(tree, f"{ROOT}.0", names, errors)
        labels = _labels({}, ROOT, errors)
        return Box(ROOT, "all", "1", [row], is_bare=True, error=errors.get(ROOT, ""), labels=labels)
    return _box(tree, ROOT, 1, names, errors)


def row_new(kind: str, names: Names, *, name: str = ROOT) -> Row:
    """A row with a condition's defaults; its choices start at the first."""
    condition = BY_KIND[kind]
    controls = _controls(condition, {}, name, names, {})
    return Row(name, kind, condition.label, controls, hint=hint_of(condition))


def group_new() -> Box:
    """A group with nothing in it."""
    return Box(ROOT, "any", "1", [], depth=2, labels=_labels({}, ROOT, {}))


def _box(tree: Any, name: str, depth: int, names: Names, errors: Mapping[str, str]) -> Box:
    members: list[Row | Box] = [
        _row(member, f"{name}.{index}", names, errors)
        if isinstance(member, dict) and "condition" in member
        else _box(member, f"{name}.{index}", depth + 1, names, errors)
        for index, member in enumerate(members_of(tree) or ())
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
        labels=_labels(tree, name, errors),
    )


def _labels(tree: Any, name: str, errors: Mapping[str, str]) -> list[Control]:
    """What people call a group."""
    words = {"name": "Name", "note": "Note"}
    return [
        Control(
            name=f"{name}.{part}",
            part=part,
            label=words[part],
            value=str(tree[part]) if isinstance(tree, dict) and part in tree else "",
            most=most,
            error=errors.get(f"{name}.{part}", ""),
        )
        for part, most in LABELS.items()
    ]


def _row(leaf: Mapping[str, Any], name: str, names: Names, errors: Mapping[str, str]) -> Row:
    condition = condition_of(leaf)
    error = errors.get(f"{name}.condition", errors.get(name, ""))
    if condition is None:
        return Row(name, str(leaf["condition"]), str(leaf["condition"]), [], error)
    controls = _controls(condition, leaf, name, names, errors)
    shown = {control.name for control in controls if not control.is_idle}
    lost = [text for key, text in errors.items() if _parent(key) == name and key not in shown]
    error = error or " ".join(lost)
    hint, is_offered = hint_of(condition), not condition.awaits
    return Row(name, condition.kind, condition.label, controls, error, hint, is_offered=is_offered)


def _parent(name: str) -> str:
    return name.rpartition(".")[0]


def _controls(
    condition: Condition,
    leaf: Mapping[str, Any],
    name: str,
    names: Names,
    errors: Mapping[str, str],
) -> list[Control]:
    """All fields of a condition, those idle that its operator does not take."""
    taken = condition.fields_of(leaf.get("operator", condition.operator_default))
    tables = (condition.operators or {}).items()
    controls = []
    for described in condition.fields:
        value = leaf.get(described.name, described.default)
        control = _control(described, value, name, names, errors)
        takers = " ".join(key for key, operator in tables if described.name in operator.fields)
        controls.append(replace(control, operators=takers, is_idle=described not in taken))
    return controls


def _control(
    described: Field, value: Any, row: str, names: Names, errors: Mapping[str, str]
) -> Control:
    name = f"{row}.{described.name}"
    if described.type in ("where", "window"):
        return _parted(described, value, row, names, errors.get(name, ""))
    shown = _shown(value)
    boxes: list[Option] = []
    choices = names.of(described)
    if described.type == "choices":
        chosen = value if isinstance(value, list) else []
        boxes = [
            Option(
                f"{row}.{choice_part(described.name, choice)}",
                choice_part(described.name, choice),
                choice,
                label,
                choice in chosen,
            )
            for choice, label in (choices or {}).items()
        ]
        choices = None
    options = None
    if choices is not None:
        options = (
            [("", NOTHING.get(described.type, "any") if described.optional else "choose …")]
            if (described.optional or not shown)
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
        boxes=boxes,
        type=INPUTS.get(described.type, "text"),
        low=f"{described.low or 0:.15g}" if is_number else "",
        high=f"{described.high:.15g}" if is_number and described.high is not None else "",
        step="1" if described.type == "integer" else "any",
        unit=described.unit,
        error=errors.get(name, ""),
    )


def _shown(value: Any) -> str:
    """A value as it is typed: texts a line each."""
    if isinstance(value, bool):
        return "1" if value else ""
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return "" if value is None else str(value)


def _parted(described: Field, value: Any, row: str, names: Names, error: str) -> Control:
    if described.type == "window":
        lines = [_window_line(described.name, row, names, parts_of_window(value))]
    else:
        lines = [
            _filter_line(f"{described.name}{number}_", row, names, parts)
            for number, parts in enumerate(parts_of_filters(value))
        ]
    has_spare = described.type == "where" and row != ROOT and len(lines) < MAX_FILTERS
    return Control(
        name=f"{row}.{described.name}",
        part=described.name,
        label=described.label,
        value="",
        type=described.type,
        error=error,
        parts=lines,
        spare=filter_line_new(names, row=row, number=len(lines)) if has_spare else None,
    )


def _window_line(name: str, row: str, names: Names, parts: Mapping[str, str]) -> list[Control]:
    """All that windows have; admin.css shows what the chosen one takes."""

    def part(of: str, label: str, type: str) -> Control:
        return replace(_part(row, f"{name}_{of}", label, parts[of]), type=type)

    most = str(MAX_VISITS)
    category = parts["category"]
    return [
        _part(row, f"{name}_unit", "Within", parts["unit"], WINDOW_CHOICES),
        part("amount", "How many", "number"),
        replace(part("visits", "How many", "number"), low="1", high=most, step="1"),
        _part(row, f"{name}_type", "Event", parts["type"], names.event_types),
        _part(row, f"{name}_category", "In category", category, names.categories, nothing="any"),
        part("from", "From", "date"),
        part("to", "To, that day included", "date"),
        part("zone", "Time zone", "zone"),
    ]


def _filter_line(start: str, row: str, names: Names, parts: Mapping[str, str]) -> list[Control]:
    fields = filter_choices(names.properties)
    return [
        _part(row, f"{start}field", "Field", parts["field"], fields),
        _part(row, f"{start}operator", "Compared", parts["operator"], OPERATOR_CHOICES),
        replace(_part(row, f"{start}values", "Value", parts["values"]), type="lines", rows=1),
    ]


def filter_line_new(names: Names, *, row: str = ROOT, number: int = 0) -> list[Control]:
    """A filter to be filled in."""
    start = f"where{number}_"
    return _filter_line(start, row, names, {"field": "", "operator": "eq", "values": ""})


def _part(
    row: str,
    part: str,
    label: str,
    value: str,
    choices: Mapping[str, str] | None = None,
    *,
    nothing: str = "",
) -> Control:
    """`nothing` is what it is called where nothing needs to be chosen."""
    options = None
    if choices is not None:
        options = list(choices.items())
        if nothing or not value:
            options.insert(0, ("", nothing or "choose …"))
        if value and value not in choices:
            options.append((value, f"{value.partition('|')[0]} (not there any more)"))
    return Control(f"{row}.{part}", part, label, value, options)
