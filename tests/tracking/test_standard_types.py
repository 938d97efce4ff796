"""The standard event types, and the migration that seeds them: rerunnable, careful."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps

from tracking.models import EventType
from tracking.pipeline.properties import KINDS
from tracking.taxonomy import STANDARD_TYPES, StandardType

STANDARD = {standard.name: standard for standard in STANDARD_TYPES}
seed = import_module("tracking.migrations.0011_standard_schemas").seed_types


def rows() -> dict[str, StandardType]:
    return {
        row["name"]: StandardType(**row) for row in EventType.objects.values(*StandardType._fields)
    }


@pytest.mark.django_db
def test_a_new_site_has_every_standard_type_as_shipped() -> None:
    assert rows() == STANDARD


@pytest.mark.django_db
def test_seeding_again_keeps_what_a_marketer_has_set_and_makes_what_is_missing() -> None:
    EventType.objects.filter(name="click").update(
        weight=4.5, repeat_ms=900, half_life_short=2.0, properties={"mine": "text"}
    )
    EventType.objects.filter(name="search").update(properties={})
    EventType.objects.filter(name="download").delete()
    seed(apps, None)
    expected = STANDARD | {
        "click": STANDARD["click"]._replace(
            weight=4.5, repeat_ms=900, half_life_short=2.0, properties={"mine": "text"}
        )
    }
    assert rows() == expected


def test_a_click_counts_three_scrolls() -> None:
    assert STANDARD["click"].weight == 3 * STANDARD["scroll"].weight


def test_a_standard_type_has_twenty_properties_at_most_of_kinds_that_there_are() -> None:
    for standard in STANDARD_TYPES:
        assert len(standard.properties) <= 20, standard.name
        assert set(standard.properties.values()) <= set(KINDS)


@pytest.mark.parametrize("name", ["exposure", "view"])
def test_what_was_only_shown_is_no_interest(name: str) -> None:
    assert STANDARD[name].weight == 0
