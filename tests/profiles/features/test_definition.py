"""Which features can be declared, what is said of one that cannot, and by what it is known."""

import doctest
from typing import Any

import pytest

from profiles.features import cells, checks, definition, fold, keeping, order, periods, values
from profiles.features.checks import (
    MAX_FEATURES,
    FeatureError,
    feature_check,
    feature_parse,
    features_check,
)
from profiles.features.definition import Condition, Feature, Lifetime, Rolling
from profiles.features.fold import feature_compile

PLAIN: dict[str, Any] = {"type": "view", "aggregation": "count", "window": {"kind": "lifetime"}}
SUM = {"aggregation": "sum", "of": "value"}
ZONED = {"kind": "calendar", "period": "day", "zone": "Europe/Copenhagen"}
DATES: dict[str, Any] = {
    "window": {"kind": "dates", "zone": "UTC", "from": "2026-03-01", "to": "2026-04-01"}
}
FOLLOWED = {"aggregation": "followed"}
ORDERED: dict[str, Any] = {
    "window": {"kind": "order", "minutes": 1440, "then": "buy", "without": "search"}
}


def where(field: str, operator: str, *values: object) -> dict[str, Any]:
    return {"where": [{"field": field, "operator": operator, "values": list(values)}]}


def window(**fields: object) -> dict[str, Any]:
    return {"window": fields}


def test_the_examples_of_the_docstrings_run() -> None:
    for module in (values, definition, periods, keeping, order, cells, checks, fold):
        assert not doctest.testmod(module).failed


@pytest.mark.parametrize(
    ("changes", "place", "why"),
    [
        ({"type": "Page View"}, "type", "small letters"),
        ({"type": 7}, "type", "Expected `str`"),
        ({"aggregation": "median"}, "aggregation", "no aggregation 'median'"),
        ({"of": "item"}, "of", "not of a field"),
        ({"aggregation": "sum"}, "of", "no field ''"),
        ({"aggregation": "sum", "of": "item"}, "of", "needs numbers"),
        ({"aggregation": "distinct", "of": "colour"}, "of", "no field 'colour'"),
        ({"aggregation": "distinct", "of": "property."}, "of", "no field"),
        ({"aggregation": "distinct", "of": "property." + "x" * 201}, "of", "no field"),
        ({"type": "dwell", "aggregation": "max", "of": "amount"}, "aggregation", "in parts"),
        ({"type": "dwell", "aggregation": "latest", "of": "value"}, "aggregation", "in parts"),
        ({"type": "dwell", **where("value", "gt", 5)}, "where[0].field", "in parts"),
        ({"aggregation": "sum", "of": "time"}, "aggregation", "min and a max only"),
        ({"aggregation": "distinct", "of": "time"}, "aggregation", "min and a max only"),
        ({"aggregation": "max", "of": "day.UTC"}, "aggregation", "distinct only"),
        ({"aggregation": "distinct", "of": "day.Mars/Olympus"}, "of", "no time zone"),
        ({"aggregation": "distinct", "of": "week."}, "of", "no time zone"),
        (where("time", "gt", 5), "where[0].field", "no field 'time'"),
        (window(kind="fortnight"), "window.kind", "Invalid value 'fortnight'"),
        (window(kind="rolling", minutes=0), "window.minutes", "1 to 132,480"),
        (window(kind="rolling", minutes=132_481), "window.minutes", "1 to 132,480"),
        (window(kind="rolling", minutes=1.5), "window.minutes", "Expected `int`"),
        (
            {"aggregation": "first", "of": "item"} | window(kind="rolling", minutes=5),
            "window.kind",
            "moves on with a rolling",
        ),
        (
            {"aggregation": "first", "of": "item"} | window(kind="since", type="buy"),
            "window.kind",
            "moves on with a window",
        ),
        (window(kind="dates", zone="UTC"), "window.from", "Name the first day"),
        (DATES | {"window": DATES["window"] | {"zone": "Mars"}}, "window.zone", "no time zone"),
        (window(kind="dates", zone="UTC", to="2026-02-30"), "window.to", "Use a day"),
        (
            window(kind="dates", zone="UTC", to="2026-02-28", **{"from": "2026-03-01"}),
            "window.to",
            "does not come before",
        ),
        (window(kind="dates", to="2026-03-01"), "window", "missing required field `zone`"),
        (window(kind="visits", visits=0), "window.visits", "1 to 10"),
        (window(kind="visits", visits=11), "window.visits", "1 to 10"),
        (window(kind="since", type="Buy!"), "window.type", "small letters"),
        (window(kind="since", type="buy", category="x" * 201), "window.category", "at most 200"),
        (window(kind="order", minutes=5, then="buy"), "window.kind", "whether it was followed"),
        (
            {"aggregation": "followed"} | window(kind="lifetime"),
            "window.kind",
            "whether it was followed",
        ),
        (FOLLOWED | window(kind="order", minutes=0, then="buy"), "window.minutes", "1 to 132,480"),
        (FOLLOWED | window(kind="order", minutes=5, then=""), "window.then", "small letters"),
        (
            FOLLOWED | window(kind="order", minutes=5, then="buy", without_category="a"),
            "window.without_category",
            "Name the event",
        ),
        (FOLLOWED | ORDERED | {"of": "item"}, "of", "not of a field"),
        (window(kind="rolling"), "window", "missing required field `minutes`"),
        ({"window": ZONED | {"period": "year"}}, "window.period", "day, week, month"),
        ({"window": ZONED | {"zone": "Mars/Olympus"}}, "window.zone", "'Mars/Olympus'"),
        ({"window": ZONED | {"zone": "../etc/passwd"}}, "window.zone", "no time zone"),
        ({"window": ZONED | {"offset": -2}}, "window.offset", "0 (this one)"),
        (where("colour", "eq", "red"), "where[0].field", "no field 'colour'"),
        (where("amount", "eq", 1), "where[0].field", "no field 'amount'"),
        (where("item", "like", "a"), "where[0].operator", "no operator 'like'"),
        (where("item", "eq"), "where[0].values", "takes 1 values, not 0"),
        (where("item", "is_set", "a"), "where[0].values", "takes 0 values"),
        (where("item", "in", *map(str, range(51))), "where[0].values", "1 to 50"),
        (where("value", "between", 1), "where[0].values", "takes 2"),
        (where("value", "between", 2, 1), "where[0].values", "smaller number"),
        (where("value", "eq", "5"), "where[0].values", "is a number, not a text"),
        (where("item", "eq", 5), "where[0].values", "is a text, not a number"),
        (where("item", "lt", "a"), "where[0].values", "takes no text"),
        (where("property.n", "contains", 5), "where[0].values", "takes no number"),
        (where("property.n", "in", 5, "a"), "where[0].values", "different kinds"),
        (where("property.n", "in", 1, True), "where[0].values", "different kinds"),
        (where("item", "eq", ""), "where[0].values[0]", "1 to 200"),
        (where("item", "in", "a", "x" * 201), "where[0].values[1]", "1 to 200"),
        (where("value", "lt", 1e13), "where[0].values[0]", "within"),
        (where("value", "lt", float("inf")), "where[0].values[0]", "no number"),
        (where("value", "lt", None), "where[0].values[0]", "Expected"),
        ({"where": [PLAIN] * 2}, "where[0]", "field"),
        ({"where": where("item", "is_set")["where"] * 11}, "where", "at most 10"),
        ({"windows": 1}, "", "unknown field `windows`"),
    ],
)
def test_what_cannot_be_kept_is_refused_by_name(
    changes: dict[str, Any], place: str, why: str
) -> None:
    with pytest.raises(FeatureError) as refused:
        feature_parse(PLAIN | changes, cumulative={"dwell", "scroll"})
    assert refused.value.where == place
    assert why in refused.value.message


def test_what_is_no_document_at_all_is_refused() -> None:
    documents: list[object] = [None, [], "view", 5]
    for document in documents:
        with pytest.raises(FeatureError):
            feature_parse(document)


def test_a_growing_type_has_a_count_a_sum_and_a_mean() -> None:
    for changes in ({}, SUM, {"aggregation": "mean", "of": "amount"}):
        feature_parse(PLAIN | {"type": "dwell"} | changes, cumulative={"dwell"})
    feature_parse(PLAIN | {"type": "dwell", "aggregation": "max", "of": "property.words"})


def test_so_many_features_and_no_more() -> None:
    features = [Feature("view", "count", Rolling(n)) for n in range(1, MAX_FEATURES + 2)]
    features_check([*features[:-1], *features[:-1]])
    with pytest.raises(FeatureError, match="65 features"):
        features_check(features)
    with pytest.raises(FeatureError, match=r"\[1\]\.window\.minutes"):
        features_check([features[0], Feature("view", "count", Rolling(0))])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (where("item", "eq", "Café"), where("item", "eq", "CAFE\u0301")),
        (where("value", "eq", 5), where("value", "eq", 5.0)),
        (where("item", "in", "a", "b"), where("item", "in", "B", "a", "b")),
        (
            window(kind="since", type="buy", category="Café"),
            window(kind="since", type="buy", category="CAFE\u0301"),
        ),
    ],
)
def test_what_asks_the_same_has_the_same_key(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert feature_parse(PLAIN | one).key == feature_parse(PLAIN | other).key


def test_the_order_of_conditions_does_not_change_the_key() -> None:
    conditions = (Condition("item", "eq", ("a",)), Condition("value", "gt", (1,)))
    one = Feature("view", "count", Lifetime(), where=conditions)
    assert one.key == Feature("view", "count", Lifetime(), where=conditions[::-1]).key


def test_what_asks_something_else_has_another_key() -> None:
    documents = [
        PLAIN,
        PLAIN | {"type": "click"},
        PLAIN | SUM,
        PLAIN | SUM | {"of": "amount"},
        PLAIN | window(kind="visit"),
        *(PLAIN | window(kind="rolling", minutes=minutes) for minutes in (1, 2)),
        *(PLAIN | {"window": ZONED | {"offset": offset}} for offset in (0, -1)),
        *(PLAIN | where("property.n", "eq", value) for value in (1, "1", True)),
        PLAIN | DATES,
        PLAIN | {"window": DATES["window"] | {"zone": "Europe/Copenhagen"}},
        *(PLAIN | window(kind="visits", visits=visits) for visits in (1, 2)),
        *(PLAIN | window(kind="since", type=name) for name in ("buy", "search")),
        PLAIN | FOLLOWED | ORDERED,
        PLAIN | where("property.N", "eq", 1),
        PLAIN | where("property.n", "ne", 1),
        PLAIN | where("value", "between", 1, 2),
        PLAIN | where("item", "in", "ab", "c"),
        PLAIN | where("item", "in", "a", "bc"),
    ]
    assert len({feature_parse(document).key for document in documents}) == len(documents)


def test_a_key_stays_what_it_is() -> None:
    """States in stored profiles are known by it."""
    asked = PLAIN | where("category", "eq", "gardening") | window(kind="rolling", minutes=10080)
    assert feature_parse(asked).key == "de3c6656e505"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "number of view events, ever"),
        (SUM | window(kind="visit"), "sum of value over view events, in this visit"),
        (
            {"aggregation": "distinct", "of": "content_type", "window": ZONED | {"offset": -1}},
            "number of different values of content type in view events,"
            " yesterday (Europe/Copenhagen)",
        ),
        (
            {"aggregation": "latest", "of": "property.plan", "window": ZONED | {"period": "week"}}
            | where("value", "between", 1, 2.5),
            "latest property “plan” of view events where value is between 1 and 2.5,"
            " this week (Europe/Copenhagen)",
        ),
        (
            where("property.paid", "eq", True) | window(kind="rolling", minutes=60),
            "number of view events where property “paid” is true, in the last hour",
        ),
        (
            where("item", "in", "a", "b") | window(kind="rolling", minutes=90),
            "number of view events where item is one of “a”, “b”, in the last 90 minutes",
        ),
        (
            where("item", "is_set") | window(kind="rolling", minutes=2880),
            "number of view events where item is known, in the last 2 days",
        ),
        (DATES, "number of view events, from 2026-03-01 to 2026-04-01 (UTC)"),
        (window(kind="visits", visits=3), "number of view events, in the latest 3 visits"),
        (
            window(kind="since", type="buy", category="garden"),
            "number of view events, since the latest buy in “garden”",
        ),
        (
            FOLLOWED | ORDERED | where("item", "eq", "a"),
            "whether view events where item is “a” were followed by buy with no search between,"
            " in the last day",
        ),
    ],
)
def test_a_feature_says_what_it_is(changes: dict[str, Any], words: str) -> None:
    assert feature_parse(PLAIN | changes).describe() == words


def test_features_that_ask_the_same_are_kept_once() -> None:
    one = feature_parse(PLAIN | where("item", "eq", "a"))
    other = feature_parse(PLAIN | where("item", "eq", "A"))
    compiled = feature_compile([one, other])
    assert [plan.key for plan in compiled.by_type["view"]] == [one.key]


def test_a_checked_feature_is_checked_again_without_complaint() -> None:
    feature_check(feature_parse(PLAIN | SUM))
