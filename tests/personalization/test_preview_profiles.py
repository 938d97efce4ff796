"""Test profiles: made by a plain form, and known as any visitor who did just that would be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st

from personalization.preview.inventing import Doing, events_invent, state_of
from personalization.rules.context import Context
from personalization.rules.tree import rule_features, rule_parse
from profiles.definition import Definition
from profiles.features.batch import feature_value

if TYPE_CHECKING:
    from django.test import Client

    from tests.personalization.admin_site import Site

NOW = 1_700_000_000.0
DOINGS = st.builds(
    Doing,
    type=st.sampled_from(("page_view", "click", "purchase")),
    category=st.sampled_from(("", "gardening", "music")),
    times=st.integers(1, 9),
    days=st.integers(2, 60),
)


def rule_of(doing: Doing, days: int) -> Any:
    window = {"kind": "rolling", "minutes": days * 1440}
    return rule_parse(
        {
            "condition": "event_count", "type": doing.type, "category": doing.category,
            "operator": ">=", "value": doing.times, "window": window,
        }
    )  # fmt: skip


@settings(max_examples=25)
@given(st.lists(DOINGS, max_size=4), st.integers(1, 9), st.integers(1, 90))
def test_whoever_did_something_so_often_is_known_to_have(
    doings: list[Doing], visits: int, first_days: int
) -> None:
    invented = {"visits": visits, "first_days": first_days, "last_days": 0, "now": NOW}
    events = events_invent(doings, **invented)  # type: ignore[arg-type]
    rules = [rule_of(doing, doing.days) for doing in doings]
    features = {each.key: each for rule in rules for each in rule_features(rule)}
    definition = Definition(3, {}, tuple(features.values()))
    state = state_of(events, definition, max_topics=64)
    context = Context(now=NOW, state=state, kept=definition.keys)
    assert all(rule.ask(context) is True for rule in rules)
    assert state.visits == visits == len({event.visit for event in events})
    assert state.last is not None
    assert 0 < NOW * 1000 - state.last <= 120_000
    for feature in features.values():
        replayed = feature_value(events, feature, NOW)
        assert context.feature_value(feature) == replayed, feature.describe()


def test_who_was_never_there_did_nothing() -> None:
    state = state_of(
        events_invent([], visits=1, first_days=0, last_days=0, now=NOW), Definition(), max_topics=64
    )
    assert (state.visits, state.counts) == (1, {"page_view": 1})


def posted(**changed: Any) -> dict[str, Any]:
    """The form of a test profile with one interest and one doing."""
    return {
        "name": "Bea", "note": "", "consent": "granted", "device": "phone", "language": "en",
        "visits": 3, "first_days": 9, "last_days": 0,
        "interests-TOTAL_FORMS": 1, "interests-INITIAL_FORMS": 0,
        "interests-0-strength": 8,
        "doings-TOTAL_FORMS": 1, "doings-INITIAL_FORMS": 0,
        "doings-0-type": "purchase", "doings-0-times": 1, "doings-0-days": 14,
    } | {name.replace("__", "-"): value for name, value in changed.items()}  # fmt: skip


@pytest.mark.django_db
def test_a_test_profile_is_made_without_codes_and_said_in_words(site: Site, editor: Client) -> None:
    from personalization.models import TestProfile

    add = reverse("admin:personalization_testprofile_add")
    made = editor.post(add, posted(interests__0__category=site.category.pk))
    assert made.status_code == 302
    bea = TestProfile.objects.get(name="Bea")
    assert [interest.category for interest in bea.interests.all()] == [site.category]
    listed = editor.get(reverse("admin:personalization_testprofile_changelist")).content.decode()
    assert "3 visits since 9 days ago" in listed
    assert "Clear interest in Gardening; Purchase 1 × in the last 14 days." in listed


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"visits": 300}, "less than or equal to 200"),
        ({"visits": 40, "first_days": 1}, "At most 12 visits a day"),
        ({"first_days": 1, "last_days": 3}, "The first visit cannot be after the last."),
        ({"first_days": 40, "last_days": 20}, "They were last here 20 days ago"),
        ({"language": "<script>"}, "Use a language tag"),
        ({"doings__0__type": "__class__"}, "Select a valid choice"),
        ({"doings__0__times": 10_000}, "less than or equal to 100"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    site: Site, editor: Client, changed: dict[str, Any], said: str
) -> None:
    from personalization.models import TestProfile

    page = editor.post(
        reverse("admin:personalization_testprofile_add"),
        posted(interests__0__category=site.category.pk, **changed),
    )
    assert page.status_code == 200
    assert said in page.content.decode()
    assert "<script>" not in page.content.decode().partition('name="language"')[2][:200]
    assert not TestProfile.objects.filter(name="Bea").exists()
