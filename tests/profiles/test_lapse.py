"""Nothing of a profile outlives the consent it was made with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse

from consent import catalogue
from consent import services as consent_services
from consent.logic import Control
from consent.models import Purpose
from consent.purposes import PERSONALIZATION
from profiles import rebuild, selectors
from tests.tracking.people import BOTH, ana_make, drain, event_make, inbox_put, stored
from tracking import selectors as tracking_selectors
from tracking import services as tracking_services

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh_catalogue() -> Iterator[None]:
    """A process remembers the purposes for a second, and so the test before."""
    catalogue.forget()
    yield
    catalogue.forget()


def purpose_change(*, active: bool = True) -> None:
    purpose = Purpose.objects.get(key=PERSONALIZATION)
    purpose.is_active = active
    consent_services.purpose_save(purpose=purpose, material=active, now=datetime.now(UTC))


def agree_again(visitor_id: UUID) -> UUID:
    return consent_services.decision_record(
        visitor_id=visitor_id,
        purposes=BOTH,
        control=Control.BANNER_ACCEPT,
        gpc=False,
        locale="en",
        now=datetime.now(UTC),
    ).visitor_id


def visit(visitor_id: UUID) -> None:
    inbox_put(visitor_id, [event_make(category="gardening")])


@pytest.mark.parametrize("active", [True, False], ids=["material", "deactivated"])
def test_an_event_on_either_side_of_a_lapse_counts_in_no_rebuild(active: bool) -> None:
    ana = ana_make()
    visit(ana)
    drain(ana)
    visit(ana)
    purpose_change(active=active)
    drain(ana)
    if not active:
        purpose_change()
    assert agree_again(ana) != ana
    visit(ana)
    drain(ana)
    assert len(stored(ana)) == 1
    rebuild.shard_rebuild(tracking_selectors.shard_of(ana))
    assert selectors.profile_get(ana) is None


def test_the_sweep_erases_events_and_profile_after_a_material_change() -> None:
    ana, now = ana_make(), datetime.now(UTC)
    tracking_services.erasure_sweep(now=now)
    visit(ana)
    drain(ana)
    assert selectors.profile_get(ana)
    purpose_change()
    assert tracking_services.erasure_sweep(now=now + timedelta(minutes=1)) == 1
    assert not stored(ana)
    assert selectors.profile_get(ana) is None


def test_the_list_hides_what_is_known_of_visitors_who_no_longer_agree(
    admin_client: Client,
) -> None:
    ana, url = ana_make(), reverse("admin:profiles_profile_changelist")
    visit(ana)
    drain(ana)
    page = admin_client.get(url).content.decode()
    assert "Gardening (" in page
    assert seen_in(page)
    purpose_change()
    page = admin_client.get(url).content.decode()
    assert str(ana)[:8] in page
    assert "No longer agrees" in page
    assert "Gardening (" not in page
    assert not seen_in(page)


def seen_in(page: str) -> list[str]:
    """The dates in the list's rows: "25 Nov 2026", not an id's digits."""
    return re.findall(r"[A-Z][a-z]{2} 20\d\d", page[page.index("<tbody") : page.rindex("</table>")])
