"""The behavioral vector in words a marketer reads."""

import doctest

import pytest

from personalization import chart, vector_words
from personalization.vector_words import trend_lines, vector_lines
from profiles.state import Day, State
from profiles.trends import days_complete
from profiles.vector import Vector, behavioral_vector
from tests.profiles.people import NOW, WEIGHTS, daily, state_of, visited


def said(vector: Vector, *, is_ranked: bool = False) -> dict[str, str]:
    return {line.label: line.text for line in vector_lines(vector, is_ranked=is_ranked)}


def vector_of(state: State) -> Vector:
    return behavioral_vector(state, WEIGHTS, now=NOW)


@pytest.mark.parametrize("module", [vector_words, chart])
def test_the_examples_of_the_docstrings_run(module: object) -> None:
    failed, attempted = doctest.testmod(module)  # type: ignore[arg-type]
    assert attempted
    assert not failed


def test_of_a_new_visitor_the_words_say_that_nothing_is_known() -> None:
    assert said(vector_of(State())) == {
        "Recency": "0.00",
        "Engagement": "0.00",
        "Frequency": "0 visits a week",
        "Regularity": "too few visits to tell",
        "Between visits": "no visits yet",
        "Last visit": "never",
        "Pace": "→ as usual (+0.00)",
        "Scrolling": "no reading time yet",
        "Prefers": "nothing yet",
    }


def test_a_faithful_visitor_who_stays_away() -> None:
    state = visited(*range(20, 28), state=state_of(("page_view", "", "guide", 1.0, 20)))
    words = said(vector_of(state))
    assert words["Frequency"] == "2 visits a week"
    assert words["Regularity"] == "1.00, by habit"
    assert words["Between visits"] == "1 day on average, 1 day the last time"
    assert words["Last visit"] == "20 days ago, longer ago than their pace explains"
    assert words["Pace"].startswith("↓ quieter than usual")
    assert words["Prefers"] == "guide"


def test_ranks_are_told_only_where_there_are_others() -> None:
    vector = vector_of(visited(1, 2))._replace(engagement_level=0.999, frequency=0.5)
    assert said(vector, is_ranked=True)["Engagement"] == "more than 99 % of the visitors"
    assert "more than 50 %" in said(vector, is_ranked=True)["Frequency"]
    assert "more than" not in str(said(vector))
    least = said(vector._replace(engagement_level=0.0), is_ranked=True)
    assert least["Engagement"] == "less than the other visitors"


def test_trends_are_told_with_their_days() -> None:
    state = daily(10, 20, 30, 40)
    days = days_complete(state, now=NOW)
    dwell, clicks, _ = trend_lines(vector_of(state).behavioral_trends, days, is_ranked=False)
    assert dwell.values == [10.0, 20.0, 30.0, 40.0]
    assert dwell.text == "↑ rising, by 40 % of their usual day each day"
    assert (clicks.values, clicks.text) == ([0.0] * 4, "→ steady")
    trends = vector_of(state).behavioral_trends._replace(visits=-0.25)
    (*_, visits) = trend_lines(trends, [Day()], is_ranked=True)
    assert visits.text == "↓ falling, by 25 % of the site’s usual day each day"
