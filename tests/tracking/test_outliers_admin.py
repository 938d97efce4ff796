"""Flagged events before the people who review them, under a picture of what is usual."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from tests.tracking.people import ana_make
from tests.tracking.test_outliers import NOW, fenced, fill, put, read_make, rows_of
from tracking import outliers
from tracking.models import Outlier

__all__ = ["fenced"]
URL = "admin:tracking_outlier_changelist"


@pytest.fixture
def flagged(fenced: None) -> UUID:
    """Ana, who has read for so long that it does not all count."""
    ana = ana_make()
    put(ana, read_make(300.0))
    return ana


def test_a_flagged_event_is_shown_with_what_was_reported_and_what_counts(
    admin_client: Client, flagged: UUID
) -> None:
    page = admin_client.get(reverse(URL)).content.decode()
    for words in ("Dwell time", "300 s", "60 s", "z-score and IQR"):
        assert words in page
    found = [
        admin_client.get(reverse(URL), query).context["cl"].result_count
        for query in ({"type": "dwell"}, {"type": "click"}, {"why__exact": "iqr"})
    ]
    assert found == [1, 0, 0]


def test_what_is_usual_is_shown_as_a_picture(admin_client: Client, db: None) -> None:
    assert b"Nothing is called unusual before 200" in admin_client.get(reverse(URL)).content
    fill([float(value) for value in range(1, 301)])
    outliers.fences_update(now=NOW)
    page = admin_client.get(reverse(URL)).content.decode()
    assert "Dwell time · guide" in page
    assert page.count("at-usual__fence") == 2
    assert "300 seen" in page


def test_a_reviewer_lets_an_event_count_in_full(admin_client: Client, flagged: UUID) -> None:
    key = Outlier.objects.get().pk
    posted = {"action": "count_in_full", "_selected_action": [key]}
    page = admin_client.post(reverse(URL), posted, follow=True).content.decode()
    assert "1 events count in full" in page
    assert rows_of(flagged) == [(300.0, 300.0, "accepted")]


def test_who_may_only_look_may_not_overrule(
    client: Client, django_user_model: Any, flagged: UUID
) -> None:
    ben = django_user_model.objects.create_user("ben", is_staff=True)
    client.force_login(ben)
    assert client.get(reverse(URL)).status_code == 403
    ben.user_permissions.add(Permission.objects.get(codename="view_outlier"))
    assert client.get(reverse(URL)).status_code == 200
    posted = {"action": "count_in_full", "_selected_action": [Outlier.objects.get().pk]}
    client.post(reverse(URL), posted)
    assert rows_of(flagged) == [(300.0, 60.0, "both")]
