"""How often, as a law: in no window more than its limit, whatever the order and the clocks."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from personalization.decide import Decision, RuleSet, decide, decide_page
from personalization.frequency.capacity import Capacity
from personalization.frequency.compile import basis_of, concerned
from personalization.frequency.limits import (
    DAY_MS,
    ENDED,
    KEPT,
    NOTHING_SHOWN,
    UNCOUNTABLE,
    Shown,
    shown_bound,
    shown_complete,
    shown_join,
)
from tests.personalization.examples import NOW, campaign, increment, state_of
from tests.personalization.limited import ALWAYS, HOUR_MS, NOW_MS, after, cap, limited, rules_of

Times = list[tuple[int, int]]


def winner(rules: RuleSet, shown: Shown, **facts: Any) -> int | None:
    return campaign_of(decide(rules, "slot-0", after(shown, **facts)))


def campaign_of(decision: Decision) -> int | None:
    return decision.campaign.id if decision.campaign else None


def race(rules: RuleSet, moments: list[float], order: list[int]) -> Times:
    """Requests of one visitor at these moments (days), in steps that come in this order.

    A request reads what is stored, decides, and stores only onto what it had read; else it reads
    again. Returns the exposures that were given: (when, campaign).
    """
    stored, read, given_ids = NOTHING_SHOWN, dict[int, Shown](), list[int]()
    steps = [*(number % len(moments) for number in order), *range(len(moments))]
    open_requests = set(range(len(moments)))
    while open_requests:
        number = steps.pop(0) if steps else min(open_requests)
        if number not in open_requests:
            continue
        if number not in read:
            read[number] = stored
            continue
        context = after(read[number], days=moments[number])
        decisions, shown = decide_page(rules, list(rules.slots), context)
        if read.pop(number) is stored:
            stored = shown
            given_ids += [one.campaign.id for one in decisions if one.campaign]
            open_requests.remove(number)
    recorded = [(at, one) for one, times in stored.exposures.items() for at in times]
    assert sorted(given_ids) == sorted(one for _, one in recorded), "what is given is counted"
    return sorted(recorded)


RACES = st.tuples(
    st.lists(st.floats(0.0, 12.0), min_size=1, max_size=14), st.lists(st.integers(0, 13))
)


def most_in_a_window(times: list[int], length_ms: int) -> int:
    return max((sum(at - length_ms < one <= at for one in times) for at in times), default=0)


@given(RACES, st.integers(1, 4), st.sampled_from([("hours", 5), ("days", 1), ("days", 7)]))
def test_no_window_has_more_exposures_than_the_cap(
    requests: tuple[list[float], list[int]], count: int, window: tuple[str, int]
) -> None:
    unit, length = window
    rules = rules_of([limited(1, cap=cap(count, unit, length))])
    times = [at for at, _ in race(rules, *requests)]
    assert most_in_a_window(times, length * (HOUR_MS if unit == "hours" else DAY_MS)) <= count


@given(RACES, st.integers(1, 3))
def test_a_cap_for_ever_is_reached_and_never_passed(
    requests: tuple[list[float], list[int]], count: int
) -> None:
    rules = rules_of([limited(1, cap=cap(count, "ever", 1))])
    assert len(race(rules, *requests)) == min(count, len(requests[0]))


@given(RACES)
def test_of_a_group_a_visitor_sees_one_campaign_in_a_window(
    requests: tuple[list[float], list[int]],
) -> None:
    group = {"9": {"name": "Sales", "unit": "days", "length": 2, "campaigns": [1, 2, 3]}}
    rules = rules_of(
        [limited(1, group=9, cap=cap(1, "days", 1))],
        [limited(2, group=9), limited(3, group=9)],
        exclusion_groups=group,
    )
    times = race(rules, *requests)
    for at, one in times:
        assert {other for when, other in times if at - 2 * DAY_MS < when <= at} == {one}


@given(RACES, st.integers(1, 5))
def test_the_budget_holds_over_all_campaigns_but_the_exempt(
    requests: tuple[list[float], list[int]], count: int
) -> None:
    rules = rules_of(
        [limited(1, cap=cap(2, "days", 3)), limited(2)],
        [limited(3)],
        [limited(4, exempt="the law asks for it")],
        pressure_budget=cap(count, "days", 1),
    )
    counted = [at for at, one in race_without(rules, 4, requests)]
    assert most_in_a_window(counted, DAY_MS) <= count


def race_without(rules: RuleSet, exempt: int, requests: tuple[list[float], list[int]]) -> Times:
    """The exposures that count; the exempt campaign has no limits and is not recorded."""
    shown_slots = [key for key, slot in rules.slots.items() if slot.campaigns[0].id != exempt]
    assert decide(rules, "slot-2", after(UNCOUNTABLE)).personalized, "an exempt one needs no count"
    counted = RuleSet(
        rules.version,
        {},
        {key: rules.slots[key] for key in shown_slots},
        {},
        rules.limited,
        rules.frequency_basis,
    )
    return race(counted, *requests)


# --- One by one --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days", "wins"), [(0.0, None), (6.99, None), (7.0, 1)], ids=["now", "before", "at the end"]
)
def test_a_window_ends_exactly_when_its_length_is_over(days: float, wins: int | None) -> None:
    rules = rules_of([limited(1, cap=cap(1))])
    assert winner(rules, Shown({1: [NOW_MS]}), days=days) == wins


def test_when_capped_the_next_campaign_wins_and_the_decision_says_why() -> None:
    rules = rules_of([limited(1, cap=cap(3)), campaign(2, ALWAYS)])
    shown = Shown({1: [NOW_MS - hours * HOUR_MS for hours in (30, 20, 10)]})
    explained = decide(rules, "slot-0", after(shown), explain=True)
    assert campaign_of(explained) == 2
    says = "Not shown again: seen 3 of 3 times within a week."
    assert explained.passed == [says]
    assert [one.note for one in explained.considered] == [says, ""]


def test_the_default_is_shown_for_the_reason_of_what_is_capped() -> None:
    rules = rules_of([limited(1, cap=cap(1, "visit", 1))])
    decision = decide(rules, "slot-0", after(Shown({1: [NOW_MS]})))
    assert not decision.personalized
    assert decision.reasons == ["Not shown again: seen 1 of 1 time in this visit."]


def test_a_tie_goes_to_who_was_published_first_and_is_reported() -> None:
    first = campaign(2, ALWAYS, published=100.0)
    second = campaign(1, ALWAYS, published=200.0)
    rules = rules_of([first, second, campaign(3, ALWAYS, published=200.0, priority=40)])
    explained = decide(rules, "slot-0", after(NOTHING_SHOWN), explain=True)
    assert campaign_of(explained) == 2
    tied = "A tie with “Campaign 2”, which was published first."
    assert [one.note for one in explained.considered] == ["", tied, ""]


@pytest.mark.parametrize("name", ["dismissed", "clicked"])
def test_a_pause_follows_what_the_visitor_did(name: str) -> None:
    field = {"dismissed": "after_dismissal", "clicked": "after_click"}[name]
    rules = rules_of([limited(1, **{field: 7})])
    shown = msgspec.structs.replace(NOTHING_SHOWN, **{name: {1: NOW_MS}})
    assert winner(rules, shown, days=6.9) is None
    assert winner(rules, shown, days=7.0) == 1
    decision = decide(rules, "slot-0", after(shown))
    assert decision.passed == [f"Not shown again: {name} less than a week ago."]


def test_a_purchase_pauses_what_it_makes_needless() -> None:
    rules = rules_of([limited(1, after_event=["purchase", 14])])
    bought = state_of(increment("purchase", days_ago=3))
    assert winner(rules, NOTHING_SHOWN, state=bought) is None
    assert winner(rules, NOTHING_SHOWN, state=bought, days=11) == 1
    assert winner(rules, NOTHING_SHOWN) == 1


def test_a_page_shows_one_campaign_of_a_group() -> None:
    group = {"9": {"name": "Sales", "unit": "visit", "length": 1, "campaigns": [1, 2]}}
    rules = rules_of([limited(1, group=9)], [limited(2, group=9)], exclusion_groups=group)
    decisions, shown = decide_page(rules, ["slot-0", "slot-1"], after(NOTHING_SHOWN))
    assert [campaign_of(one) for one in decisions] == [1, None]
    says = "Not shown: another of the group “Sales” was seen in this visit."
    assert decisions[1].passed == [says]
    assert list(shown.exposures) == [1]


def test_a_campaign_that_has_ended_still_excludes_its_group() -> None:
    group = {"9": {"name": "Sales", "unit": "days", "length": 7, "campaigns": [1, 5]}}
    rules = rules_of([limited(1, group=9)], exclusion_groups=group)
    assert winner(rules, Shown({5: [NOW_MS]})) is None


def test_a_changed_cap_counts_what_came_before_it() -> None:
    _, shown = decide_page(
        rules_of([limited(1, cap=cap(5, "minutes", 1))]), ["slot-0"], after(NOTHING_SHOWN)
    )
    assert winner(rules_of([limited(1, cap=cap(1))]), shown, days=1) is None


def test_an_explanation_counts_nothing() -> None:
    rules = rules_of([limited(1, cap=cap(1))])
    context = after(NOTHING_SHOWN)
    for _ in range(3):
        assert campaign_of(decide(rules, "slot-0", context, explain=True)) == 1
    assert context.shown == NOTHING_SHOWN


def test_what_cannot_be_counted_is_not_shown() -> None:
    rules = rules_of([limited(1, cap=cap(9)), campaign(2, ALWAYS)])
    decision = decide(rules, "slot-0", after(UNCOUNTABLE))
    assert campaign_of(decision) == 2
    assert "cannot be counted" in decision.passed[0]


def test_what_needs_no_memory_is_shown_without_one() -> None:
    rules = rules_of([limited(1, after_event=["purchase", 14])])
    assert winner(rules, UNCOUNTABLE) == 1


# --- Visits ------------------------------------------------------------------------------------


def visited(*minutes_ago: int) -> Any:
    """A profile with page views so many minutes before NOW, all of one visit."""
    views = [
        increment(days_ago=ago / 1440, starts_visit=number == 0)
        for number, ago in enumerate(minutes_ago)
    ]
    return state_of(*views)


@pytest.mark.parametrize(
    ("state", "ago", "wins"),
    [
        (visited(100, 80, 60, 40, 20), 100, None),  # a long visit goes on
        (visited(100), 100, 1),  # it has ended
        (None, 29, None),  # the profile knows nothing yet
        (None, 30, 1),
        (visited(20), 45, None),  # an exposure, then a page: no gap of 30 minutes
    ],
)
def test_a_cap_per_visit_holds_until_30_minutes_of_silence(
    state: Any, ago: int, wins: int | None
) -> None:
    rules = rules_of([limited(1, cap=cap(1, "visit", 1))])
    shown = Shown({1: [NOW_MS - ago * 60_000]})
    assert winner(rules, shown, state=state) == wins


def test_a_visit_of_more_pages_than_a_profile_remembers_is_still_one() -> None:
    state = visited(*range(180, 0, -2))
    assert len(state.recent["page_view|"]) < 90
    rules = rules_of([limited(1, cap=cap(1, "visit", 1))])
    assert winner(rules, Shown({1: [NOW_MS - 175 * 60_000]}), state=state) is None


# --- What is remembered ------------------------------------------------------------------------


def test_memory_is_bounded_and_enough_for_every_cap() -> None:
    rules = rules_of([limited(1, cap=cap(KEPT, "minutes", 1))])
    shown = NOTHING_SHOWN
    for number in range(3 * KEPT):
        _, shown = decide_page(rules, ["slot-0"], after(shown, days=float(number)))
    assert len(shown.exposures[1]) == KEPT
    numbers = range(1, 3 * ENDED)
    many = Shown({number: [number] for number in numbers}, {2: 9 * ENDED, 3: 1}, {1: 1, 3: 1})
    kept = shown_bound(many, published={1})
    assert set(kept.exposures) == {1, 2, *range(2 * ENDED + 1, 3 * ENDED)}
    assert (kept.dismissed, kept.clicked) == ({2: 9 * ENDED}, {1: 1})


def test_two_sources_of_one_visitor_complete_each_other_and_two_visitors_add_up() -> None:
    counted = Shown({1: [5, 9], 2: [4]}, dismissed={1: 7})
    stored = Shown({1: [5], 2: [4, 6], 3: [1]}, dismissed={1: 6}, clicked={2: 8})
    both = shown_complete(counted, stored)
    assert both == Shown({1: [5, 9], 2: [4, 6], 3: [1]}, dismissed={1: 7}, clicked={2: 8})
    joined = shown_join(counted, stored)
    assert joined.exposures == {1: [5, 5, 9], 2: [4, 4, 6], 3: [1]}


@pytest.mark.parametrize(
    "change",
    [
        lambda: rules_of([limited(1, cap=cap(2)), limited(2, after_dismissal=1)]),
        lambda: rules_of([limited(1, cap=cap(2))], pressure_budget=cap(5)),
        lambda: rules_of([limited(1, cap=cap(2), after_click=3)]),
    ],
    ids=["another campaign", "a budget", "clicks"],
)
def test_limits_that_need_more_counted_have_another_basis(change: Callable[[], RuleSet]) -> None:
    rules = rules_of([limited(1, cap=cap(2))])
    assert rules.frequency_basis == basis_of(rules.limited)
    assert rules_of([limited(1, cap=cap(4))]).frequency_basis == rules.frequency_basis
    assert change().frequency_basis != rules.frequency_basis


def test_only_campaigns_that_a_limit_concerns_are_counted() -> None:
    group = {"9": {"name": "Sales", "unit": "days", "length": 7, "campaigns": [1, 5]}}
    rules = rules_of([limited(1, group=9), campaign(2, ALWAYS)], exclusion_groups=group)
    assert concerned(rules.limited, range(7)) == {1, 5}
    budgeted = rules_of([limited(1), limited(2, exempt="why")], pressure_budget=cap(5))
    assert concerned(budgeted.limited, [99]) == {99}


def test_now_is_never_before_what_was_counted() -> None:
    """Two web servers' clocks differ: the window is that of the later one."""
    rules = rules_of([limited(1, cap=cap(1, "minutes", 1))])
    ahead = Shown({1: [NOW_MS + 5_000]})
    assert winner(rules, ahead) is None
    assert after(ahead).now == NOW


# --- Capacity ----------------------------------------------------------------------------------


def places_said(places: int | None, *times: int, **capacity: object) -> str:
    """The reason of one slot whose campaign holds 5, so many of them given."""
    held = {"count": 5, "counted": "visitors", "per": "ever"} | capacity
    rules = rules_of([limited(1, capacity=held) | {"zone": "Asia/Tokyo"}])
    (key,) = [one.key(1, one.day(NOW_MS)) for one in rules.capacities.values()]
    counters = {} if places is None else {key: places}
    shown = Shown({1: list(times)}, basis=rules.frequency_basis)
    decision = decide(rules, "slot-0", after(shown, given=counters))
    return "" if decision.personalized else decision.reasons[0]


def test_a_place_is_for_good_or_for_the_day() -> None:
    assert places_said(4) == ""
    assert places_said(5) == "Full: given to 5 of 5 visitors."
    assert places_said(5, NOW_MS - 400 * 24 * HOUR_MS) == ""
    assert places_said(5, NOW_MS - HOUR_MS, counted="exposures") == "Full: given 5 of 5 times."
    today = Capacity(5, zone="Asia/Tokyo").begins(NOW_MS)
    assert today is not None
    began = int(today.timestamp() * 1000)
    assert places_said(5, began, per="day") == ""
    assert places_said(5, began - 1, per="day") == "Full: given to 5 of 5 visitors today."
    assert "cannot be counted" in places_said(None)
    assert places_said(None, NOW_MS - HOUR_MS) == ""
