"""What cleaning changes without refusing it has a name and a counter, once for each event."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.tracking.people import ana_make, drain, event_make, inbox_put
from tests.tracking.tables import finding_counts
from tracking import runs, selectors
from tracking.models import EventType
from tracking.pipeline.wire import Finding

pytestmark = pytest.mark.django_db
HOUR = 3_600_000.0


def events_of(finding: Finding) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Events of which cleaning finds this once, and what their request's receipt says."""
    now = time.time() * 1000 - 1000
    cases: dict[Finding, tuple[list[dict[str, Any]], dict[str, Any]]] = {
        Finding.BOT_FLAGGED: ([event_make()], {"is_bot": True}),
        Finding.CLOCK_CORRECTED: ([event_make(at=now - HOUR)], {"skew_ms": int(HOUR)}),
        Finding.FUTURE_CLAMPED: ([event_make(at=now + HOUR)], {}),
        Finding.VALUE_CAPPED: ([event_make("dwell", value=1e6)], {}),
        Finding.VISIT_SPLIT: (
            [event_make(at=now - 2 * HOUR, visit=VISIT), event_make(at=now, visit=VISIT)],
            {},
        ),
        Finding.REPEAT_FOLDED: ([event_make("click", at=now), event_make("click", at=now)], {}),
    }
    return cases[finding]


VISIT = "5f0c3a4e-5c1b-4b0e-9d57-0a2f4f9f6c11"


@pytest.mark.parametrize("finding", [f for f in Finding if f != Finding.OUTLIER_CAPPED])
def test_a_finding_is_counted_once_and_is_no_refusal(finding: Finding) -> None:
    EventType.objects.filter(name="click").update(repeat_ms=500)
    ana = ana_make()
    events, receipt = events_of(finding)
    for _ in range(2):  # the second time as a retry
        inbox_put(ana, events, **receipt)
        drain(ana)
    assert finding_counts() == {finding: 1}
    assert selectors.drop_counts() == {"duplicate": len(events)}
    assert runs.drop_counts("tracker") == {"duplicate": len(events)}


def test_the_list_tells_what_was_refused_from_what_was_changed(admin_client: Client) -> None:
    ana, event = ana_make(), event_make()
    for _ in range(2):
        inbox_put(ana, [event], is_bot=True)
        drain(ana)
    page = admin_client.get(reverse("admin:tracking_dropcount_changelist")).content.decode()
    for word in ("Cleaning counts", "duplicate", "refused", "bot_flagged", "changed"):
        assert word in page
