"""POST /api/v1/events: one answer per mistake, one shape, one counter, nothing else stored."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client, override_settings
from hypothesis import given, settings
from hypothesis import strategies as st

from consent import selectors as consent_selectors
from consent import services as consent_services
from consent.models import Purpose
from tests.tracking.people import (
    BOTH,
    URL,
    ana_make,
    ben_make,
    drain,
    event_make,
    post,
    stored,
    visitor_make,
    withdraw,
)
from tests.tracking.test_parse import FIELD, JSON
from tests.waiting import wait_until
from tracking import selectors, store, tasks
from tracking.models import EventType, Inbox, Quarantine
from tracking.pipeline.steps import Receipt
from tracking.pipeline.wire import MAX_BODY_BYTES, Refusal

pytestmark = pytest.mark.django_db
DAY = 86_400_000


def assert_refused(answer: Any, status: int, reason: Refusal) -> dict[str, Any]:
    """One problem shape, counted once, nothing stored."""
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["reason"] == reason
    assert problem["type"].endswith(f"#{reason}")
    assert problem["title"]
    assert problem["detail"]
    assert selectors.drop_counts()[reason] == 1
    assert not Inbox.objects.exists()
    return problem


def test_an_accepted_request_is_one_inbox_row_and_sets_no_cookie(client: Client) -> None:
    ana = ana_make()
    answer = post(client, [event_make(), event_make("click")], visitor_id=ana)
    nothing_amiss = {"accepted": 2, "refused": [], "left_out": []}
    assert (answer.status_code, answer.json()) == (202, nothing_amiss)
    assert not answer.cookies
    row = Inbox.objects.get()
    assert (row.visitor_id, row.source, row.basis) == (ana, "tracker", ",".join(BOTH))
    assert (row.device, row.is_bot, row.shard) == ("desktop", False, selectors.shard_of(ana))
    assert not selectors.drop_counts()


def test_a_beacon_sends_plain_text(client: Client) -> None:
    answer = post(client, [event_make()], visitor_id=ana_make(), content_type="text/plain")
    assert answer.status_code == 202


def test_the_good_events_of_a_mixed_request_are_accepted(client: Client) -> None:
    events = [event_make(), event_make("unheard_of"), event_make(at=0)]
    answer = post(client, events, visitor_id=ana_make())
    assert answer.status_code == 202
    refused = [(item["index"], item["reason"]) for item in answer.json()["refused"]]
    assert refused == [(1, "unknown_event_type"), (2, "too_old")]
    assert selectors.drop_counts() == {"unknown_event_type": 1, "too_old": 1}


def test_what_is_left_out_is_named_counted_and_never_written(client: Client) -> None:
    ana = ana_make()
    properties = {
        "results": "many",
        "colour": "red",
        "query": "mail ana@example.org",
        "fields": "q",
    }
    events = [event_make(), event_make("search", properties=properties)]
    answer = post(client, events, visitor_id=ana).json()
    assert (answer["accepted"], answer["refused"]) == (2, [])
    assert answer["left_out"] == [
        {"index": 1, "property": "results", "reason": "invalid_property"},
        {"index": 1, "property": "colour", "reason": "unknown_property"},
        {"index": 1, "property": "query", "reason": "personal_data"},
    ]
    assert selectors.drop_counts() == dict.fromkeys(
        ("invalid_property", "unknown_property", "personal_data"), 1
    )
    assert b"ana@" not in bytes(Inbox.objects.get().payload)
    drain(ana)
    assert [row["properties"] for row in stored(ana)] == [None, '{"fields": "q"}']


def test_an_event_about_a_person_is_refused_and_never_written(client: Client) -> None:
    ana = ana_make()
    answer = post(client, [event_make(item="ana@example.org"), event_make()], visitor_id=ana)
    (refused,) = answer.json()["refused"]
    assert (refused["index"], refused["reason"]) == (0, "personal_data")
    assert set(refused) == {"index", "reason", "detail"}
    assert "ana@" not in answer.content.decode()
    assert b"ana@" not in bytes(Inbox.objects.get().payload)
    assert selectors.drop_counts() == {"personal_data": 1}


def test_what_a_type_may_carry_is_what_its_row_says(client: Client) -> None:
    ana = ana_make()
    EventType.objects.filter(name="like").update(properties={"colour": "text", "odd": "no kind"})
    EventType.objects.filter(name="share").update(properties=["no schema"])
    selectors._schemas.cache_clear()
    properties = {"colour": "red", "odd": 1}
    kinds = ("like", "share")
    answer = post(client, [event_make(k, properties=properties) for k in kinds], visitor_id=ana)
    selectors._schemas.cache_clear()
    left_out = [(what["index"], what["reason"]) for what in answer.json()["left_out"]]
    assert left_out == [(0, "invalid_property"), *[(1, "unknown_property")] * 2]


@pytest.mark.parametrize("body", [b" ", b"{", b"\xff", b"not json"])
def test_invalid_json(client: Client, body: bytes) -> None:
    assert_refused(post(client, body, visitor_id=ana_make()), 400, Refusal.INVALID_JSON)


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"events": {}}', b'{"events": []}'])
def test_invalid_envelope(client: Client, body: bytes) -> None:
    assert_refused(post(client, body, visitor_id=ana_make()), 400, Refusal.INVALID_ENVELOPE)


def test_an_oversized_body(client: Client) -> None:
    body = b" " * (MAX_BODY_BYTES + 1)
    assert_refused(post(client, body, visitor_id=ana_make()), 413, Refusal.BODY_TOO_LARGE)


def test_a_body_of_exactly_the_limit_is_read(client: Client) -> None:
    ana = ana_make()
    assert post(client, b" " * MAX_BODY_BYTES, visitor_id=ana).status_code == 400


@pytest.mark.parametrize("media_type", ["application/xml", "multipart/form-data; boundary=x"])
def test_another_media_type(client: Client, media_type: str) -> None:
    answer = post(client, [event_make()], visitor_id=ana_make(), content_type=media_type)
    assert_refused(answer, 415, Refusal.UNSUPPORTED_MEDIA_TYPE)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none", "Origin": "https://elsewhere.example"},
    ],
)
def test_a_foreign_origin(client: Client, headers: dict[str, str]) -> None:
    answer = post(client, [event_make()], visitor_id=ana_make(), headers=headers)
    assert_refused(answer, 403, Refusal.FOREIGN_ORIGIN)


def test_a_request_that_names_no_origin_is_foreign(client: Client) -> None:
    answer = client.post(URL, b"{}", content_type="application/json")
    assert_refused(answer, 403, Refusal.FOREIGN_ORIGIN)


def test_no_cookie_is_no_consent(client: Client) -> None:
    assert_refused(post(client, [event_make()]), 403, Refusal.NO_CONSENT)


def test_who_refused_is_not_recorded(client: Client) -> None:
    answer = post(client, [event_make()], visitor_id=ben_make())
    assert_refused(answer, 403, Refusal.NO_CONSENT)


def test_who_withdrew_is_not_recorded(client: Client) -> None:
    cleo = ana_make()
    withdraw(cleo)
    assert_refused(post(client, [event_make()], visitor_id=cleo), 403, Refusal.NO_CONSENT)


@pytest.mark.parametrize("body", [b"{", [], [{}], [event_make("unheard_of"), event_make()]])
def test_who_refused_is_told_that_alone_whatever_else_is_wrong(client: Client, body: Any) -> None:
    assert_refused(post(client, body, visitor_id=ben_make()), 403, Refusal.NO_CONSENT)
    assert not Quarantine.objects.exists()


def test_the_statement_that_adds_is_the_one_that_asks() -> None:
    """C2: a withdrawal after everything was looked at is in time."""
    ana = ana_make()
    receipt = Receipt(ana, "tracker", "", "desktop", False, 0, time.time() * 1000)
    granted = consent_selectors.grant_select(ana, datetime.now(UTC), gpc=False)
    assert store.inbox_add_granted(shard=1, receipt=receipt, payload=b"[]", grant=granted)
    withdraw(ana)
    assert store.inbox_add_granted(shard=1, receipt=receipt, payload=b"[]", grant=granted) is None
    assert Inbox.objects.count() == 1


def test_a_grant_of_a_notice_this_process_does_not_know_yet_is_no_basis(client: Client) -> None:
    measurement = Purpose.objects.get(key="measurement")
    consent_services.purpose_save(purpose=measurement, material=True, now=datetime.now(UTC))
    ana = ana_make()
    measurement.version -= 1
    measurement.save()  # as the process knew it before
    assert post(client, [event_make()], visitor_id=ana).status_code == 202
    assert Inbox.objects.get().basis == "personalization"


def test_an_id_nobody_knows_is_no_consent(client: Client) -> None:
    assert_refused(post(client, [event_make()], visitor_id=uuid4()), 403, Refusal.NO_CONSENT)


def test_a_forged_cookie_is_no_consent(client: Client) -> None:
    client.cookies["attune_consent"] = f"{ana_make().hex}.1763800000:forged"
    assert_refused(post(client, [event_make()]), 403, Refusal.NO_CONSENT)


def test_the_opt_out_signal_of_a_request_is_no_consent(client: Client) -> None:
    answer = post(client, [event_make()], visitor_id=ana_make(), headers={"Sec-GPC": "1"})
    assert_refused(answer, 403, Refusal.NO_CONSENT)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (event_make(id="7"), Refusal.INVALID_EVENT),
        (event_make("unheard_of"), Refusal.UNKNOWN_EVENT_TYPE),
        (event_make(at=4e12), Refusal.FUTURE_TIMESTAMP),
        (event_make(at=0), Refusal.TOO_OLD),
        (event_make(path="/u/ana@example.org"), Refusal.PERSONAL_DATA),
    ],
)
def test_a_request_without_a_usable_event(
    client: Client, event: dict[str, Any], reason: Refusal
) -> None:
    answer = post(client, [event, event], visitor_id=ana_make())
    problem = assert_refused(answer, 422, Refusal.NOTHING_ACCEPTED)
    assert [item["reason"] for item in problem["refused"]] == [reason, reason]
    assert selectors.drop_counts() == {reason: 2, Refusal.NOTHING_ACCEPTED: 1}


def test_answers_are_json_whatever_a_client_accepts(client: Client) -> None:
    ana, headers = ana_make(), {"Accept": "text/html"}
    answer = post(client, [event_make()], visitor_id=ana, headers=headers)
    assert (answer.status_code, answer["Content-Type"]) == (202, "application/json")
    refused = post(client, b"{", visitor_id=ana, headers=headers)
    assert (refused.status_code, refused["Content-Type"]) == (400, "application/problem+json")


def test_other_methods_are_refused_in_the_same_shape(client: Client) -> None:
    answer = client.get(URL)
    assert answer.status_code == 405
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["reason"] == "method_not_allowed"


def test_the_basis_is_what_was_granted(client: Client) -> None:
    post(client, [event_make()], visitor_id=visitor_make("measurement"))
    assert Inbox.objects.get().basis == "measurement"


def test_a_bot_is_marked(client: Client) -> None:
    post(client, [event_make()], visitor_id=ana_make(), headers={"User-Agent": "Googlebot/2.1"})
    assert Inbox.objects.get().is_bot


def test_whose_event_it_is_decides_the_cookie_alone(client: Client) -> None:
    ana, other = ana_make(), ana_make()
    post(client, [event_make(visitor=str(other), line=5)], visitor_id=ana)
    post(client, [event_make(visitor=str(other), line=5)], visitor_id=ana)
    assert drain(ana) == 2
    assert len(stored(ana)) == 2
    assert not stored(other)


def test_a_browsers_line_number_cannot_stop_the_drain(client: Client) -> None:
    """A line that is refused is named in its import's quarantine: a browser has none."""
    ana, event = ana_make(), event_make(line=5)
    post(client, [event, event], visitor_id=ana)
    assert drain(ana) == 1
    assert selectors.drop_counts() == {"duplicate": 1}


@override_settings(
    CACHES={
        "default": {
            "BACKEND": "config.cache.RedisCache",
            "LOCATION": "unix:///nonexistent/valkey.sock?db=0",
        }
    }
)
def test_accepted_is_accepted_while_redis_is_away(client: Client) -> None:
    ana = ana_make()
    assert post(client, [event_make()], visitor_id=ana).status_code == 202
    assert Inbox.objects.count() == 1


def asked_to_drain(redis_server: Any, visitor_id: UUID) -> bool:
    """Whether a message to drain the visitor's shard waits for a worker."""
    words = f'"argsrepr": "({selectors.shard_of(visitor_id)},)"'.encode()
    return any(words in message for message in redis_server.lrange("celery", 0, -1))


def test_a_worker_is_asked_to_drain_soon(client: Client, redis_server: Any) -> None:
    ana = ana_make()
    post(client, [event_make()], visitor_id=ana)
    wait_until(lambda: asked_to_drain(redis_server, ana))


def test_the_sweep_asks_for_what_no_nudge_came_for(client: Client, redis_server: Any) -> None:
    ana = ana_make()
    post(client, [event_make()], visitor_id=ana)
    wait_until(lambda: asked_to_drain(redis_server, ana))
    redis_server.flushdb()
    tasks.inbox_sweep()
    assert asked_to_drain(redis_server, ana)
    tasks.shard_drain_task(selectors.shard_of(ana))
    assert len(stored(ana)) == 1


# --- Whatever is sent ---------------------------------------------------------------------------

FUZZ = settings(max_examples=100)


@FUZZ
@given(body=st.binary(min_size=1, max_size=400))
def test_random_bytes_are_a_mistake_of_the_sender(client: Client, body: bytes) -> None:
    assert post(client, body, visitor_id=_ana()).status_code == 400


@FUZZ
@given(changes=st.lists(st.dictionaries(FIELD, JSON, max_size=4), min_size=1, max_size=3))
def test_random_events_are_answered_and_what_is_accepted_can_be_drained(
    client: Client, changes: list[dict[str, Any]]
) -> None:
    ana = _ana()
    events = [event_make() | change for change in changes]
    answer = post(client, {"sent_at": time.time() * 1000, "events": events}, visitor_id=ana)
    assert answer.status_code in {202, 422}
    drain(ana)
    assert not Inbox.objects.exists()


@FUZZ
@given(
    headers=st.dictionaries(
        st.sampled_from(["User-Agent", "Sec-GPC", "Origin", "Referer", "Sec-Fetch-Site"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60),
    ),
    cookie=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60),
)
def test_random_headers_are_answered(client: Client, headers: dict[str, str], cookie: str) -> None:
    client.cookies["attune_consent"] = cookie
    assert post(client, [event_make()], headers=headers).status_code in {403, 415}


def _ana() -> UUID:
    return ana_make()
