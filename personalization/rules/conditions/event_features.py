"""What event conditions have in common: which events, and the features that count them.

A condition's fields say `type`, `category` and `where`; its features add how these events are
aggregated, and over which window. Nothing is checked here that profiles.features.checks checks.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from personalization.rules.conditions.base import Condition
from personalization.rules.event_reading import Features, Read, measure_of
from personalization.rules.event_values import filters_of, window_of
from personalization.rules.fields import Field
from personalization.rules.operators import Params
from profiles.features.checks import FeatureError, feature_check
from profiles.features.definition import Condition as Filter
from profiles.features.definition import Feature, Lifetime, Rolling, Window
from tracking.taxonomy import STANDARD_TYPES

GROUP = "Events"
DAY_MINUTES = 1440
#: As often as a rule can ask that something happened.
MAX_TIMES = 10_000
#: Days in the longest rolling window.
MAX_DAYS = 92
FORTNIGHT = {"kind": "rolling", "minutes": 14 * DAY_MINUTES}
#: Types whose value arrives in parts. A site's own ones are checked when a rule goes live.
_CUMULATIVE = frozenset(each.name for each in STANDARD_TYPES if each.cumulative)

WHAT = (
    Field("type", "Event", "event_type", default="page_view"),
    Field("category", "In category", "category", optional=True, default=""),
    Field("where", "Only where", "where", default=[]),
)
WINDOW = Field("window", "Within", "window", default=FORTNIGHT)


def days_field(
    name: str, label: str, *, default: int, said: tuple[str, str] = ("1 day", "{} days")
) -> Field:
    return Field(
        name, label, "integer", low=1, high=MAX_DAYS, default=default, unit="days", said=said
    )


def feature_of(params: Params, aggregation: str, window: Window, of: str = "") -> Feature:
    """A feature over the events that the condition names."""
    where = filters_of(params["where"])
    if params["category"]:
        where = (Filter("category", "eq", (params["category"],)), *where)
    return Feature(params["type"], aggregation, window, of, where)


def count_in_window(params: Params) -> tuple[Feature, ...]:
    return (feature_of(params, "count", window_of(params["window"])),)


def last_days(days: int) -> Rolling:
    return Rolling(days * DAY_MINUTES)


def time_of(params: Params, aggregation: str) -> Feature:
    """When it happened first (`min`) or last (`max`), ever."""
    return feature_of(params, aggregation, Lifetime(), "time")


Check = Callable[[Params], tuple[str, str] | None]


def event_condition(
    kind: str,
    label: str,
    fields: Sequence[Field],
    *,
    features: Features,
    read: Read,
    sentence: str,
    check: Check | None = None,
    **more: Any,
) -> Condition:
    """A condition on declared features, with what is wrong with a feature told by its field."""
    return Condition(
        kind,
        label,
        GROUP,
        tuple(fields),
        measure_of(features, read),
        sentence,
        features=features,
        check=partial(_wrong, features, check, {field.name: field.label for field in fields}),
        **more,
    )


def _wrong(
    features: Features, check: Check | None, labels: Mapping[str, str], params: Params
) -> tuple[str, str] | None:
    """(field, message) of the first thing that is wrong; None when nothing is."""
    if check is not None and (wrong := check(params)):
        return wrong
    for feature in features(params):
        try:
            feature_check(feature, cumulative=_CUMULATIVE)
        except FeatureError as error:
            head = error.where.partition(".")[0].partition("[")[0]
            name = {"of": "field"}.get(head, head)
            if head == "window" and "window" not in labels:
                name = error.where.partition(".")[2]
            if name == "type" and feature.type != params.get("type"):
                name = "then"
            name = name if name in labels else "type"
            return name, f"{labels[name]}: {error.message}"
    return None
