"""What conditions measure of a profile: interests, against the site too, visits and ranks."""

from typing import Any

import pytest

from personalization.rules.conditions import CONDITIONS
from personalization.rules.context import Context, PageRequest
from personalization.rules.costs import COST_WORDS
from personalization.rules.tree import Trace, rule_parse
from profiles.baseline import MIN_VISITORS, Baseline
from tests.personalization.examples import context, increment

SITE = Baseline(
    MIN_VISITORS,
    quantiles={
        "engagement": [float(value) for value in range(101)],
        "visits_per_week": [value / 100 for value in range(101)],
    },
    shares={"gardening": 0.25, "music": 0.5},
)


def measured(rule: dict[str, Any], asked: Context) -> Any:
    """What the condition measured, as an explanation shows it."""
    trace: list[Trace] = []
    rule_parse(rule).test(asked, trace)
    return trace[0].measured


def of(kind: str, **fields: Any) -> dict[str, Any]:
    return {"condition": kind, **fields}


GARDENING = [increment()] * 6
MUSIC = [increment(category="music")] * 2


def test_a_lift_compares_the_share_with_the_site() -> None:
    asked = context(*GARDENING, *MUSIC, baseline=SITE)
    lift = of("interest_lift", category="gardening")
    assert measured(lift, asked) == pytest.approx((6 + 10 * 0.25) / (8 + 10) / 0.25)
    assert measured({**lift, "evidence": 7}, asked) is None
    assert measured(lift, context(*GARDENING)) is None, "no baseline"
    assert measured(of("interest_lift", category="cooking"), asked) is None, "no evidence"


def test_a_change_compares_the_share_now_with_the_usual_one() -> None:
    old = [increment(days_ago=20)] * 6
    asked = context(*old, *[increment(category="music")] * 4)
    rising = measured(of("interest_change", category="music"), asked)
    falling = measured(of("interest_change", category="gardening"), asked)
    share = measured(of("interest_share", category="music"), asked) / 100
    assert rising == pytest.approx((4 + 10 * share) / (4 + 10) / share, rel=1e-3)
    assert rising > 1.0 > falling
    steady = context(*GARDENING)
    assert measured(of("interest_change", category="gardening"), steady) == pytest.approx(1.0)


def test_a_margin_is_the_lead_over_the_strongest_other() -> None:
    asked = context(*GARDENING, *MUSIC)
    margin = of("interest_margin", evidence=1)
    assert measured({**margin, "category": "gardening"}, asked) == pytest.approx(50.0)
    assert measured({**margin, "category": "music"}, asked) == pytest.approx(-50.0)
    alone = context(*GARDENING)
    assert measured({**margin, "category": "gardening"}, alone) == pytest.approx(100.0)


def test_evidence_counts_events() -> None:
    asked = context(*GARDENING)
    assert measured(of("interest_evidence", category="gardening"), asked) == 6
    assert measured(of("interest_evidence", category="music"), asked) == 0


@pytest.mark.parametrize(
    ("category", "top", "expected"),
    [("gardening", 1, True), ("music", 1, False), ("music", 2, True), ("cooking", 10, False),
     ("", 1, None)],
)  # fmt: skip
def test_a_page_is_about_a_top_interest(category: str, top: int, expected: bool | None) -> None:
    asked = context(*GARDENING, *MUSIC, request=PageRequest(page_category=category))
    assert rule_parse(of("page_interest", value=top)).test(asked) is expected


def test_a_percentile_is_the_part_of_the_site_below() -> None:
    asked = context(*[increment(starts_visit=True)] * 4, baseline=SITE)
    assert measured(of("percentile", measure="engagement"), asked) == pytest.approx(4.0)
    assert measured(of("percentile", measure="visits_per_week"), asked) == pytest.approx(100.0)
    assert measured(of("percentile", measure="scroll_velocity"), asked) is None, "not published"
    few = context(*GARDENING, baseline=Baseline(MIN_VISITORS - 1, quantiles=SITE.quantiles))
    assert measured(of("percentile", measure="engagement"), few) is None


@pytest.mark.parametrize(("visits", "kind"), [(0, "new"), (1, "new"), (2, "returning")])
def test_who_comes_again_is_returning(visits: int, kind: str) -> None:
    asked = context(*[increment(starts_visit=True)] * visits)
    assert rule_parse(of("visitor_type", value=kind)).test(asked) is True


@pytest.mark.parametrize(
    ("began", "last", "minutes"), [(40, 10, 40.0), (40, 31, 0.0), (0, 0, 0.0), (90, 30, 90.0)]
)
def test_minutes_count_from_the_beginning_of_a_visit_that_goes_on(
    began: float, last: float, minutes: float
) -> None:
    asked = context(
        increment(days_ago=began / 1440, starts_visit=True), increment(days_ago=last / 1440)
    )
    assert measured(of("minutes_in_visit"), asked) == pytest.approx(minutes)


def test_days_since_and_between() -> None:
    asked = context(
        increment(days_ago=40, starts_visit=True),
        increment(days_ago=30, starts_visit=True),
        increment(days_ago=2, starts_visit=True),
    )
    assert measured(of("days_since_first_event"), asked) == pytest.approx(40.0)
    assert measured(of("days_since_last_event"), asked) == pytest.approx(2.0)
    assert measured(of("days_between_visits"), asked) == pytest.approx(28.0)
    assert str(measured(of("days_between_visits"), context(increment(starts_visit=True)))) == (
        "not set"
    )
    rule = of("first_seen", operator="within_last", amount=41, unit="days")
    assert rule_parse(rule).test(asked) is True
    assert rule_parse({**rule, "amount": 40}).test(asked) is False


def test_nothing_yet_is_not_set_and_not_unknown() -> None:
    for kind in ("days_since_first_event", "days_since_last_event", "first_seen", "last_seen"):
        assert rule_parse(of(kind, operator="is_not_set")).test(context()) is True
        assert rule_parse(of(kind, operator="is_unknown")).test(context()) is False
        assert rule_parse(of(kind, operator="is_unknown")).test(context(state=None)) is True


def test_every_condition_says_what_it_costs_and_of_what_it_speaks() -> None:
    for condition in CONDITIONS:
        assert condition.cost in COST_WORDS
        assert condition.of_page or condition.group != "Request"
        assert (condition.test is not None) + bool(condition.equals) + (
            condition.operators is not None
        ) == 1, condition.kind
        names = {field.name for field in condition.fields}
        for name, operator in (condition.operators or {}).items():
            assert set(operator.fields) <= names, (condition.kind, name)
