"""Whether a feature is sensible: JSON in, a Feature out, or the part that is wrong and why.

LIMITS are published in docs/features.md. Nothing that passes here can fail in the fold.
"""

import re
from collections.abc import Collection, Iterable
from functools import cache
from math import isfinite
from types import MappingProxyType
from zoneinfo import available_timezones

import msgspec

from profiles.features.definition import (
    ADDITIVE,
    AGGREGATIONS,
    AMOUNT,
    FIELDS,
    MAX_MINUTES,
    MAX_VALUES,
    MAX_VISITS,
    NUMERIC,
    OPERATORS,
    PERIODS,
    PROPERTY,
    TIME,
    Calendar,
    Condition,
    Dates,
    Feature,
    LatestVisits,
    Lifetime,
    Order,
    Rolling,
    Since,
    Window,
    date_of,
)
from profiles.features.periods import day_read
from profiles.features.values import MAX_NUMBER, MAX_TEXT, Value, kind_of

MAX_FEATURES = 64
MAX_CONDITIONS = 10

#: name → limit, as published.
LIMITS = MappingProxyType(
    {
        "features": MAX_FEATURES,
        "conditions": MAX_CONDITIONS,
        "values": MAX_VALUES,
        "characters": MAX_TEXT,
        "minutes": MAX_MINUTES,
        "visits": MAX_VISITS,
        "number": int(MAX_NUMBER),
    }
)

_TYPE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_PLACE = re.compile(r" - at `\$\.?(.*)`$")


class FeatureError(ValueError):
    """A feature that cannot be kept; `where` is the path of the wrong part, `where[0].values`."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where
        self.message = message


def feature_parse(document: object, *, cumulative: Collection[str] = ()) -> Feature:
    """The feature of a JSON document (decoded), checked; raises FeatureError."""
    try:
        feature = msgspec.convert(document, Feature)
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        message = _PLACE.sub("", str(error))
        raise FeatureError(place[1] if place else "", message) from None
    feature_check(feature, cumulative=cumulative)
    return feature


def feature_document(feature: Feature) -> dict[str, object]:
    """The JSON document of a feature; feature_parse gives the same feature back."""
    document: dict[str, object] = msgspec.to_builtins(feature)
    return document


def features_check(features: Iterable[Feature], *, cumulative: Collection[str] = ()) -> None:
    """Raise FeatureError when one cannot be kept, or when there are too many different ones."""
    keys = set()
    for number, feature in enumerate(features):
        try:
            feature_check(feature, cumulative=cumulative)
        except FeatureError as error:
            raise FeatureError(f"[{number}].{error.where}", error.message) from None
        keys.add(feature.key)
    if len(keys) > MAX_FEATURES:
        raise FeatureError("", f"There are {len(keys)} features; at most {MAX_FEATURES} are kept.")


def feature_check(feature: Feature, *, cumulative: Collection[str] = ()) -> None:
    """Raise FeatureError when a feature cannot be kept.

    `cumulative` names the event types whose value arrives in parts, as dwell and scroll do.
    """
    _type_check(feature.type, "type")
    is_cumulative = feature.type in cumulative
    _aggregation_check(feature, is_cumulative)
    if len(feature.where) > MAX_CONDITIONS:
        raise FeatureError("where", f"There are at most {MAX_CONDITIONS} conditions.")
    for number, condition in enumerate(feature.where):
        _condition_check(condition, f"where[{number}]", is_cumulative)
    _pairing_check(feature)
    _window_check(feature.window)


def _type_check(name: str, place: str) -> None:
    if not _TYPE.fullmatch(name):
        raise FeatureError(
            place, "An event type is up to 40 small letters, digits and underscores."
        )


def _pairing_check(feature: Feature) -> None:
    """Whether the aggregation goes with the window."""
    if feature.aggregation == "first" and isinstance(
        feature.window, Rolling | Since | LatestVisits
    ):
        kind = "rolling window" if isinstance(feature.window, Rolling) else "window of this kind"
        raise FeatureError("window.kind", f"What came first moves on with a {kind}.")
    if (feature.aggregation == "followed") != isinstance(feature.window, Order):
        raise FeatureError(
            "window.kind", "Of an order it is asked whether it was followed, and nothing else."
        )
    if feature.aggregation == "seen" and not isinstance(feature.window, Lifetime):
        raise FeatureError("window.kind", "What was seen is kept over a lifetime; readers cut it.")


def _aggregation_check(feature: Feature, is_cumulative: bool) -> None:
    aggregation, of = feature.aggregation, feature.of
    if aggregation not in AGGREGATIONS:
        raise FeatureError("aggregation", f"There is no aggregation {aggregation!r}.")
    if aggregation in {"count", "followed"}:
        if of:
            raise FeatureError("of", "A count is of events, not of a field.")
        return
    if of == TIME or date_of(of):
        _moment_check(aggregation, of)
        return
    if of != AMOUNT:
        _field_check(of, "of")
    if aggregation in NUMERIC and FIELDS.get(of, "number") != "number":
        raise FeatureError("of", f"The {aggregation} needs numbers, and {of} is a text.")
    if is_cumulative and of in {AMOUNT, "value"} and aggregation not in ADDITIVE:
        raise FeatureError(
            "aggregation",
            f"The {of} of {feature.type} arrives in parts, which have a sum and a mean only.",
        )


def _moment_check(aggregation: str, of: str) -> None:
    date = date_of(of)
    if date is None:
        if aggregation not in {"min", "max"}:
            raise FeatureError("aggregation", "Of the time there is a min and a max only.")
        return
    if aggregation != "distinct":
        raise FeatureError("aggregation", f"Of a {date[0]} there is a distinct only.")
    _zone_check(date[1], "of")


def _field_check(field: str, place: str) -> None:
    name = field.removeprefix(PROPERTY)
    if field not in FIELDS and (name == field or not 0 < len(name) <= MAX_TEXT):
        raise FeatureError(
            place, f"There is no field {field[:MAX_TEXT]!r}: name one, or {PROPERTY}<name>."
        )


def _condition_check(condition: Condition, place: str, is_cumulative: bool) -> None:
    field, values = condition.field, condition.values
    _field_check(field, f"{place}.field")
    if field == "value" and is_cumulative:
        raise FeatureError(f"{place}.field", "The value arrives in parts, so no part has it.")
    operator = OPERATORS.get(condition.operator)
    if operator is None:
        raise FeatureError(f"{place}.operator", f"There is no operator {condition.operator!r}.")
    if not operator.fewest <= len(values) <= operator.most:
        many = str(operator.most) if operator.fewest == operator.most else f"1 to {operator.most}"
        raise FeatureError(
            f"{place}.values", f"{condition.operator} takes {many} values, not {len(values)}."
        )
    for number, value in enumerate(values):
        _value_check(value, f"{place}.values[{number}]")
    kinds = {kind_of(value) for value in values}
    if len(kinds) > 1:
        raise FeatureError(f"{place}.values", "The values are of different kinds.")
    for kind in kinds:
        if kind not in operator.kinds:
            raise FeatureError(f"{place}.values", f"{condition.operator} takes no {kind}.")
        if kind != FIELDS.get(field, kind):
            raise FeatureError(f"{place}.values", f"{field} is a {FIELDS[field]}, not a {kind}.")
    if condition.operator == "between" and values[0] > values[1]:  # type: ignore[operator]
        raise FeatureError(f"{place}.values", "The smaller number comes first.")


def _value_check(value: Value, place: str) -> None:
    if isinstance(value, str) and not 0 < len(value) <= MAX_TEXT:
        raise FeatureError(place, f"A text has 1 to {MAX_TEXT} characters.")
    if isinstance(value, float) and not isfinite(value):
        raise FeatureError(place, "This is no number.")
    if kind_of(value) is None:
        raise FeatureError(place, f"A number is within ±{MAX_NUMBER:,.0f}.")


def _window_check(window: Window) -> None:
    if isinstance(window, Rolling | Order) and not 1 <= window.minutes <= MAX_MINUTES:
        raise FeatureError("window.minutes", f"A rolling window has 1 to {MAX_MINUTES:,} minutes.")
    if isinstance(window, LatestVisits) and not 1 <= window.visits <= MAX_VISITS:
        raise FeatureError("window.visits", f"The last 1 to {MAX_VISITS} visits can be asked for.")
    if isinstance(window, Calendar):
        _calendar_check(window)
    if isinstance(window, Dates):
        _dates_check(window)
    if isinstance(window, Since):
        _type_check(window.type, "window.type")
        _category_check(window.category, "window.category")
    if isinstance(window, Order):
        _order_check(window)


def _dates_check(window: Dates) -> None:
    _zone_check(window.zone, "window.zone")
    for name, text in (("from", window.start), ("to", window.end)):
        if text and day_read(text) is None:
            raise FeatureError(f"window.{name}", f"Use a day, as 2026-12-24, not {text[:20]!r}.")
    if not window.start and not window.end:
        raise FeatureError("window.from", "Name the first day or the last one.")
    if window.start and window.end and window.start > window.end:
        raise FeatureError("window.to", "The last day does not come before the first.")


def _order_check(window: Order) -> None:
    _type_check(window.then, "window.then")
    _category_check(window.then_category, "window.then_category")
    if window.without:
        _type_check(window.without, "window.without")
    elif window.without_category:
        raise FeatureError("window.without_category", "Name the event that is not to lie between.")
    _category_check(window.without_category, "window.without_category")


def _category_check(category: str, place: str) -> None:
    if len(category) > MAX_TEXT:
        raise FeatureError(place, f"A category has at most {MAX_TEXT} characters.")


def _calendar_check(window: Calendar) -> None:
    if window.period not in PERIODS:
        raise FeatureError("window.period", f"A period is one of: {', '.join(PERIODS)}.")
    _zone_check(window.zone, "window.zone")
    if window.offset not in {0, -1}:
        raise FeatureError("window.offset", "The offset is 0 (this one) or -1 (the last one).")


def _zone_check(zone: str, place: str) -> None:
    if zone not in _zones():
        raise FeatureError(place, f"There is no time zone {zone[:MAX_TEXT]!r}.")


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
