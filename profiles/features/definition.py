"""What a feature is: an event type, conditions, an aggregation and a window.

    {"type": "page_view", "aggregation": "count",
     "where": [{"field": "category", "operator": "eq", "values": ["gardening"]}],
     "window": {"kind": "rolling", "minutes": 10080}}

FIELDS, OPERATORS, AGGREGATIONS and WINDOWS are the document: checks, fold, words and docs read
them. A Feature is plain data and says nothing about being sensible: profiles.features.checks does.
"""

from collections.abc import Mapping
from functools import cached_property
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct, field

from profiles.features.values import Kind, Value, kind_of, text_fold

#: What a condition may look at, with the kind of value; and `property.<name>`, of any kind.
FIELDS: Mapping[str, Kind] = {
    "item": "text",
    "category": "text",
    "content_type": "text",
    "path": "text",
    "device": "text",
    "medium": "text",
    "source": "text",
    "value": "number",
}
PROPERTY = "property."
#: What profiles count of an event: seconds of dwell, 1 for a click. To aggregate, not to filter.
AMOUNT = "amount"
#: When it happened, in seconds since 1970 UTC: its `min` is the first time, its `max` the last.
TIME = "time"
#: `day.<zone>` and `week.<zone>`: the day or week it happened on, as the zone's clocks show it. To
#: tell apart: `distinct` is on how many different ones.
DATES: Mapping[str, str] = {"day.": "day", "week.": "week"}


class Operator(NamedTuple):
    """How a condition compares: the kinds of values it takes, and how many of them."""

    words: str
    kinds: tuple[Kind, ...]
    fewest: int = 1
    most: int = 1


MAX_VALUES = 50
OPERATORS: Mapping[str, Operator] = {
    "eq": Operator("is {}", ("text", "number", "boolean")),
    "ne": Operator("is not {}", ("text", "number", "boolean")),
    "in": Operator("is one of {}", ("text", "number"), most=MAX_VALUES),
    "not_in": Operator("is none of {}", ("text", "number"), most=MAX_VALUES),
    "contains": Operator("contains {}", ("text",)),
    "starts_with": Operator("starts with {}", ("text",)),
    "lt": Operator("is less than {}", ("number",)),
    "lte": Operator("is at most {}", ("number",)),
    "gt": Operator("is more than {}", ("number",)),
    "gte": Operator("is at least {}", ("number",)),
    "between": Operator("is between {}", ("number",), fewest=2, most=2),
    "is_set": Operator("is known", ("text", "number", "boolean"), fewest=0, most=0),
}

#: The latest events whose values `seen` keeps, each with its time.
SEEN_EVENTS = 256
#: How events become one value; `{of}` is the field, `{type}` the event type.
AGGREGATIONS: Mapping[str, str] = {
    "count": "number of {type} events",
    "distinct": "number of different values of {of} in {type} events",
    "sum": "sum of {of} over {type} events",
    "mean": "mean of {of} over {type} events",
    "min": "smallest {of} of {type} events",
    "max": "largest {of} of {type} events",
    "latest": "latest {of} of {type} events",
    "first": "first {of} of {type} events",
    "followed": "whether {type} events",
    "seen": f"number of different values of {{of}} in the latest {SEEN_EVENTS} {{type}} events",
}
NUMERIC = ("sum", "mean", "min", "max")
#: Those that later parts of a growing event add to.
ADDITIVE = ("sum", "mean")

MINUTE_MS = 60_000
MAX_MINUTES = 92 * 24 * 60
PERIODS = ("day", "week", "month")
#: Times at which something happened that a rolling window is exact for, values that `distinct`
#: tells apart, and visits that are kept.
EXACT_MOMENTS = 64
DISTINCT_VALUES = 64
VISITS_KEPT = 4
#: The most visits that a window of the latest ones has.
MAX_VISITS = 10
#: Minutes in a bucket: the first that cuts the window into at most BUCKETS, or else a day.
BUCKET_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
BUCKETS = 48


class Rolling(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="rolling"):
    """The last so many minutes, `(now − minutes, now]`."""

    minutes: int

    @property
    def span_ms(self) -> int:
        return self.minutes * MINUTE_MS

    @property
    def bucket_ms(self) -> int:
        """How long one bucket of a crowded window is; buckets begin at multiples of it, UTC."""
        fits = (width for width in BUCKET_MINUTES if self.minutes <= BUCKETS * width)
        return next(fits, BUCKET_MINUTES[-1]) * MINUTE_MS


class Calendar(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="calendar"):
    """A day, week (from Monday) or month as a zone's clocks show it: this one or the last (-1)."""

    period: str
    zone: str
    offset: int = 0


class Visit(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="visit"):
    """The visit that goes on; whoever reads says which."""


class Lifetime(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="lifetime"):
    """Everything there is."""


class Dates(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="dates"):
    """The days from one to another, both among them, as a zone's clocks show them.

    Days are written `2026-12-24`; one of the two may be "": no end on that side.
    """

    zone: str
    start: str = field(name="from", default="")
    end: str = field(name="to", default="")


class LatestVisits(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="visits"):
    """The latest so many visits, the one that goes on among them; whoever reads says since when."""

    visits: int


class Since(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="since"):
    """What came after the latest event of a type, in a category if it is named; nothing where there
    was none."""

    type: str
    category: str = ""


class Order(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="order"):
    """The last so many minutes, and what is to follow in them: `then`, with none of `without`
    between, each an event type and, if it is named, a category."""

    minutes: int
    then: str
    then_category: str = ""
    without: str = ""
    without_category: str = ""

    @property
    def span_ms(self) -> int:
        return self.minutes * MINUTE_MS


Window = Rolling | Calendar | Visit | Lifetime | Dates | LatestVisits | Since | Order
WINDOWS = ("rolling", "calendar", "visit", "lifetime", "dates", "visits", "since", "order")
#: Windows over which a value stays what it is as time passes.
STILL = (Lifetime, Dates)


class Condition(Struct, frozen=True, forbid_unknown_fields=True):
    """One thing that is asked of an event: `field` is one of FIELDS or `property.<name>`."""

    field: str
    operator: str
    values: tuple[Value, ...] = ()


class Exactness(NamedTuple):
    """How far the incremental reading is the true one; None where there is no limit.

    A rolling window is exact while matching events lie in it at no more than `moments` different
    times (milliseconds). With more it is the value over `[edge, now]`, where `edge` is the window's
    far end rounded down to a multiple of `edge_ms` since 1970 UTC. `distinct` is exact up to
    `values` and then stays there: at least so many. A visit is exact while fewer than `visits`
    others have an event after its first one: visits that do not overlap always are, until so many
    follow; the latest visits are while visits do not overlap. What came since an event is exact
    while it happened at no more than `moments` different times; with more it begins with the bucket
    in which the event lies (profiles.features.since).
    An order is exact while each of its kinds happened at no more than `moments` different times;
    with more it looks back no farther than those.
    """

    moments: int | None = None
    edge_ms: int | None = None
    values: int | None = None
    visits: int | None = None


class Feature(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, dict=True):
    """One declared feature. `of` is what is aggregated: a field, or nothing for `count`."""

    type: str
    aggregation: str
    window: Window
    of: str = ""
    where: tuple[Condition, ...] = ()

    @cached_property
    def key(self) -> str:
        """12 hexadecimal digits that stand for what is asked, however it is written down.

        The order of conditions and of listed values, case and composition of texts that are
        compared, and 5 for 5.0 make no difference.
        """
        where = sorted(_canonical(condition) for condition in self.where)
        window = {
            name: text_fold(value) if name.endswith("category") else value
            for name, value in msgspec.to_builtins(self.window).items()
        }
        document = [self.type, self.aggregation, self.of, where, window]
        raw = msgspec.json.encode(document, order="deterministic")
        return blake2b(raw, digest_size=6).hexdigest()

    @cached_property
    def exactness(self) -> Exactness:
        """How far the incremental reading is the true one."""
        values = DISTINCT_VALUES if self.aggregation == "distinct" else None
        if isinstance(self.window, Visit):
            return Exactness(values=values, visits=VISITS_KEPT)
        if isinstance(self.window, Order):
            return Exactness(moments=EXACT_MOMENTS)
        if self.aggregation not in {"distinct", "latest"}:
            if isinstance(self.window, Rolling):
                return Exactness(moments=EXACT_MOMENTS, edge_ms=self.window.bucket_ms)
            if isinstance(self.window, Since):
                return Exactness(moments=EXACT_MOMENTS)
        return Exactness(values=values)

    def describe(self) -> str:
        """The feature in plain words.

        >>> where = (Condition("category", "eq", ("gardening",)),)
        >>> Feature("page_view", "count", Rolling(7 * 1440), where=where).describe()
        'number of page_view events where category is “gardening”, in the last 7 days'
        """
        what = AGGREGATIONS[self.aggregation].format(type=self.type, of=_field_words(self.of))
        where = " and ".join(_condition_words(condition) for condition in self.where)
        said = f"{what}{' where ' + where if where else ''}"
        if isinstance(self.window, Order):
            said += f" were {_order_words(self.window)}"
        return f"{said}, {_window_words(self.window)}"


def _canonical(condition: Condition) -> tuple[str, str, str]:
    values = [_value_canonical(value) for value in condition.values]
    if condition.operator in {"in", "not_in"}:
        values = sorted(set(values))
    return condition.field, condition.operator, msgspec.json.encode(values).decode()


def _value_canonical(value: Value) -> str:
    if isinstance(value, str):
        return "text " + text_fold(value)
    return f"{kind_of(value)} {float(value) + 0.0!r}"  # adding 0 takes the sign off −0


def date_of(field: str) -> tuple[str, str] | None:
    """The period and the zone of a `day.<zone>` or `week.<zone>`; None for any other field.

    >>> date_of("day.Europe/Copenhagen"), date_of("daylight")
    (('day', 'Europe/Copenhagen'), None)
    """
    for prefix, period in DATES.items():
        if field.startswith(prefix):
            return period, field[len(prefix) :]
    return None


def _field_words(field: str) -> str:
    if date := date_of(field):
        return f"{date[0]} ({date[1]})"
    name = field.removeprefix(PROPERTY)
    return f"property “{name}”" if name != field else name.replace("_", " ")


def _condition_words(condition: Condition) -> str:
    joint = " and " if condition.operator == "between" else ", "
    values = joint.join(_value_words(value) for value in condition.values)
    words = OPERATORS[condition.operator].words.format(values)
    return f"{_field_words(condition.field)} {words}"


def _value_words(value: Value) -> str:
    if isinstance(value, str):
        return f"“{value}”"
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def _order_words(window: Order) -> str:
    between = _named(window.without, window.without_category)
    without = f" with no {between} between" if between else ""
    return f"followed by {_named(window.then, window.then_category)}{without}"


def _named(type: str, category: str) -> str:
    return f"{type} in “{category}”" if category else type


def _window_words(window: Window) -> str:
    if isinstance(window, Rolling | Order):
        for unit, minutes in (("day", 1440), ("hour", 60), ("minute", 1)):
            if window.minutes % minutes == 0:
                number = window.minutes // minutes
                return f"in the last {unit if number == 1 else f'{number} {unit}s'}"
    if isinstance(window, Calendar):
        words: Any = {"day": ("today", "yesterday")}
        this, last = words.get(window.period, (f"this {window.period}", f"last {window.period}"))
        return f"{last if window.offset else this} ({window.zone})"
    if isinstance(window, Dates):
        start = f"from {window.start}" if window.start else ""
        end = f"{'to' if window.start else 'until'} {window.end}" if window.end else ""
        return f"{start}{' ' if start and end else ''}{end} ({window.zone})"
    if isinstance(window, Since):
        return f"since the latest {_named(window.type, window.category)}"
    if isinstance(window, LatestVisits):
        number = window.visits
        return "in the latest visit" if number == 1 else f"in the latest {number} visits"
    return "in this visit" if isinstance(window, Visit) else "ever"
