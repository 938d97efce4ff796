"""What the columns of a log mean: a TOML file, read into types, wrong ones named clearly.

Purely declarative: nothing in a mapping is ever executed. docs/importing.md is its reference.
"""

from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta, Struct, field

#: The mappings that come with Attune.
SHIPPED = Path(__file__).resolve().parent.parent / "mappings"

TimeFormat = Literal["epoch_s", "epoch_ms", "iso"]


class MappingError(Exception):
    """The mapping cannot be used; the message says where and why."""


class Field(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where one value comes from: a `column`, changed in this order, or a `constant`.

    `split` keeps the first part before a separator, `map` translates (what it does not list is
    refused), `scale` multiplies a number.
    """

    column: str | None = None
    constant: str | float | bool | None = None
    split: str | None = None
    map: dict[str, str] | None = None
    number: bool = False
    scale: float | None = None

    def __post_init__(self) -> None:
        if (self.column is None) == (self.constant is None):
            raise ValueError("give either `column` or `constant`")
        if self.split == "":
            raise ValueError("`split` needs a separator")
        if self.constant is not None and (self.split or self.map or self.scale):
            raise ValueError("a `constant` is taken as it is")


class Time(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """When it happened. `zone` is that of `iso` times that name none."""

    column: str
    format: TimeFormat
    zone: str = "UTC"

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"there is no time zone {self.zone!r}") from error


class Skip(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, rename={"in_": "in"}):
    """Rows to leave out on purpose: those whose `column` is one of `in`, or is `empty`."""

    column: str
    in_: list[str] = []
    empty: bool = False

    def __post_init__(self) -> None:
        if bool(self.in_) == self.empty:
            raise ValueError("give either `in` or `empty = true`")


class EventSpec(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One event that a row tells; left out where its `value` column is empty."""

    type: Field
    value: Field | None = None


class Mapping(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole mapping; see docs/importing.md."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,30}\Z")]
    format: Literal["csv", "json_lines"]
    visitor: Field
    time: Time
    events: Annotated[list[EventSpec], Meta(min_length=1)]
    delimiter: Annotated[str, Meta(min_length=1, max_length=1)] = ","
    id: Field | None = None
    visit: Field | None = None
    item: Field | None = None
    category: Field | None = None
    content_type: Field | None = None
    path: Field | None = None
    properties: Annotated[dict[str, Field], Meta(max_length=20)] = field(default_factory=dict)
    skip: list[Skip] = field(default_factory=list)

    def columns(self) -> set[str]:
        """Every column the mapping names."""
        fields = [self.id, self.visitor, self.visit, self.item, self.category, self.content_type]
        fields += [self.path, *self.properties.values()]
        fields += [part for event in self.events for part in (event.type, event.value)]
        named = {part.column for part in fields if part and part.column is not None}
        return named | {self.time.column} | {rule.column for rule in self.skip}

    def event_types(self) -> set[str]:
        """Every event type the mapping can give, where they can be told from it."""
        types: set[str] = set()
        for event in self.events:
            if event.type.map is not None:
                types |= set(event.type.map.values())
            elif isinstance(event.type.constant, str):
                types.add(event.type.constant)
        return types


def mapping_parse(text: str | bytes) -> Mapping:
    """A mapping from its TOML; raises MappingError."""
    try:
        return msgspec.toml.decode(text, type=Mapping)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MappingError(str(error)) from error


def mapping_find(name: str) -> Path:
    """The file of a mapping: a shipped one by its name, any other by its path."""
    shipped = SHIPPED / f"{name}.toml"
    path = shipped if shipped.is_file() else Path(name)
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.toml")))
        raise MappingError(
            f"There is no mapping {name!r}. Shipped: {known}; or give a file's path."
        )
    return path
