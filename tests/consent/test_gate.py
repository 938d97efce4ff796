"""The gate where events come in, seen from outside: `POST /api/v1/events` obeys consent."""

import json
import time
import uuid

import pytest
from django.db import connection
from django.test import Client

from personalization.reach.projecting import consents_follow
from tests.consent.visitors import SAME_ORIGIN, choose

pytestmark = pytest.mark.django_db


def send(client: Client, **headers: str):
    moment = int(time.time() * 1000)
    event = {"id": str(uuid.uuid4()), "type": "page_view", "at": moment, "path": "/"}
    event |= {"visit": str(uuid.uuid4()), "view": str(uuid.uuid4())}
    body = json.dumps({"sent_at": moment, "events": [event]})
    sent = {**SAME_ORIGIN, **headers}
    return client.post("/api/v1/events", body, content_type="application/json", headers=sent)


def rows_with(*needles: str) -> list[str]:
    """Tables holding any of the texts in any row, other than consent's own."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table.startswith("consent_"):
                continue
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            rows = cursor.fetchall()
            found += [table for (row,) in rows if any(needle in row for needle in needles)]
    return found


def test_an_event_without_a_record_is_refused_and_leaves_nothing(client, caplog):
    """A4."""
    response = send(client)
    assert response.status_code == 403
    assert response.json()["reason"] == "no_consent"
    assert not response.cookies
    assert "127.0.0.1" not in caplog.text


def test_the_three_visitors_at_the_gate(ana, ben, cleo):
    """A4, C2: granted is accepted, refused and withdrawn are not, and leave no row."""
    assert send(ana.client).status_code == 202
    for visitor in (ben, cleo):
        assert send(visitor.client).status_code == 403
    consents_follow()  # what a worker does every few seconds
    ids = [str(one) for one in (ben.visitor_id, cleo.visitor_id, cleo.old_id)]
    assert rows_with(*ids, *[one.replace("-", "") for one in ids]) == []


def test_the_event_after_a_withdrawal_is_refused_also_with_the_old_cookie(ana):
    """C2, E6."""
    old = Client()
    old.cookies["attune_consent"] = ana.client.cookies["attune_consent"].value
    assert send(old).status_code == 202
    choose(ana.client, "withdraw")
    assert send(old).status_code == 403
    assert send(ana.client).status_code == 403


def test_an_event_with_the_opt_out_signal_is_refused_in_spite_of_an_earlier_grant(ana):
    """D1, D3."""
    assert send(ana.client, **{"Sec-GPC": "1"}).status_code == 403
    assert send(ana.client, **{"Sec-GPC": "0"}).status_code == 202
