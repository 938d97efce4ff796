"""Quarantine before the people who mend it: what they see, may do, and cannot be made to run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from personalization.services import marketer_group_ensure
from tests.tracking.people import ana_make, drain, event_make, post
from tests.tracking.test_import_events import file_make, good, run_import
from tests.tracking.test_replay_imports import lend, translate_lend
from tracking import quarantine, replay, selectors
from tracking.models import EventType, ImportRun, Inbox, Quarantine, QuarantineReplay

pytestmark = pytest.mark.django_db
LIST = reverse("admin:tracking_quarantine_changelist")
REPLAYS = reverse("admin:tracking_quarantinereplay_changelist")
HOSTILE = "<script>alert(1)</script>\u202egnp.exe"


@pytest.fixture(autouse=True)
def _types_and_room() -> Iterator[None]:
    selectors.event_types_forget()
    quarantine._full.clear()
    yield
    selectors.event_types_forget()


@pytest.fixture
def people(django_user_model: Any) -> dict[str, Client]:
    """Olga runs imports, Mara is a marketer, Nils is staff and nothing more."""
    users = {name: django_user_model.objects.create_user(name, is_staff=True) for name in PEOPLE}
    users["olga"].user_permissions.add(Permission.objects.get(codename="change_importrun"))
    users["mara"].groups.add(marketer_group_ensure())
    clients = {name: Client() for name in PEOPLE}
    for name, client in clients.items():
        client.force_login(users[name])
    return clients


PEOPLE = ("olga", "mara", "nils")


def refused_make(count: int = 1, type: str = "brand_new", **fields: Any) -> Any:
    ana = ana_make()
    post(Client(), [event_make(type, **fields) for _ in range(count)], visitor_id=ana)
    return ana


def type_add() -> None:
    EventType.objects.create(name="brand_new", label="New", kind="active", weight=1)


def act(client: Client, action: str, *, url: str = LIST, **data: Any) -> Any:
    ids = [row.pk for row in (Quarantine if url == LIST else QuarantineReplay).objects.all()]
    return client.post(url, {"action": action, "_selected_action": ids} | data, follow=True)


def page_of(client: Client) -> str:
    row = Quarantine.objects.get()
    url = reverse("admin:tracking_quarantine_change", args=(row.pk,))
    return client.get(url).content.decode()


def test_an_empty_quarantine_says_so(admin_client: Client) -> None:
    assert "Nothing is in quarantine." in admin_client.get(LIST).content.decode()


def test_a_row_shows_reason_source_time_and_excerpt_and_can_be_filtered(
    admin_client: Client,
) -> None:
    refused_make(path="/where")
    page = admin_client.get(LIST).content.decode()
    for shown in ("unknown_event_type", "tracker", "/where", "There is no event type"):
        assert shown in page
    assert "/where" not in admin_client.get(LIST, {"reason": "invalid_event"}).content.decode()
    assert "/where" in admin_client.get(LIST, {"q": "where"}).content.decode()


def test_a_page_shows_what_came_and_what_to_do(admin_client: Client) -> None:
    refused_make(path="/where")
    page = page_of(admin_client)
    assert "&quot;path&quot;: &quot;/where&quot;" in page
    assert "add the type and choose Try again" in page
    assert "Can be tried again" in page


def test_hostile_content_is_text(admin_client: Client) -> None:
    refused_make(item=HOSTILE, properties={HOSTILE: HOSTILE})
    for page in (page_of(admin_client), admin_client.get(LIST).content.decode()):
        assert "<script>alert" not in page
        assert "\u202e" not in page
    assert r"\u202egnp.exe" in page_of(admin_client)


def test_a_line_is_shown_with_the_names_of_its_columns(
    admin_client: Client, tmp_path: Path
) -> None:
    run_import(file_make(tmp_path, lend(1)))
    assert "&quot;event_type&quot;: &quot;lend&quot;" in page_of(admin_client)


def test_a_few_are_tried_at_once_and_the_answer_says_what_became_of_them(
    people: dict[str, Client],
) -> None:
    ana = refused_make(2)
    Quarantine.objects.filter(pk=Quarantine.objects.earliest("pk").pk).update(payload="broken")
    type_add()
    page = act(people["olga"], "try_again").content.decode()
    assert "1 sent on to the event store, 1 failed again." in page
    assert drain(ana) == 1


def test_one_is_tried_from_its_page(admin_client: Client) -> None:
    refused_make()
    type_add()
    page = page_of(admin_client)
    assert 'name="action" value="try_again"' in page
    assert "csrfmiddlewaretoken" in page
    act(admin_client, "try_again")
    assert Inbox.objects.count() == 1
    refused_make(type="another")
    Quarantine.objects.update(whole=False)
    assert 'value="try_again"' not in page_of(admin_client)


def test_all_that_match_a_filter_are_tried_in_the_background(
    people: dict[str, Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replay, "AT_ONCE", 3)
    refused_make(5)
    Quarantine.objects.filter(pk=Quarantine.objects.earliest("pk").pk).update(
        reason="invalid_event"
    )
    url = f"{LIST}?reason=unknown_event_type"
    first = Quarantine.objects.filter(reason="unknown_event_type").earliest("pk").pk
    data = {"action": "try_again", "_selected_action": [first], "select_across": "1", "index": "0"}
    page = people["olga"].post(url, data, follow=True).content.decode()
    assert "4 rows are tried again in the background" in page
    job = QuarantineReplay.objects.get()
    assert (job.total, job.started_by) == (4, "olga")
    assert "0 of 4" in people["olga"].get(REPLAYS).content.decode()
    act(people["olga"], "cancel", url=REPLAYS)
    assert "Stopped" in people["olga"].get(REPLAYS).content.decode()
    assert Quarantine.objects.filter(replay=None).count() == 5


def test_who_may_do_what(people: dict[str, Client], admin_client: Client) -> None:
    refused_make()
    for name, status in (("olga", 200), ("mara", 403), ("nils", 403)):
        for url in (LIST, REPLAYS):
            assert people[name].get(url).status_code == status, (name, url)
    type_add()
    for name in ("mara", "nils"):
        assert act(people[name], "try_again").status_code == 403
    assert Quarantine.objects.count() == 1
    assert "Quarantine" in people["olga"].get("/admin/").content.decode()
    assert "Quarantine" not in people["mara"].get("/admin/").content.decode()
    act(people["olga"], "delete_selected", post="yes")
    assert Quarantine.objects.count() == 1, "whoever may replay may not delete"
    act(admin_client, "delete_selected", post="yes")
    assert not Quarantine.objects.exists()


def test_deleting_asks_first_and_says_how_many(admin_client: Client) -> None:
    refused_make(3)
    page = act(admin_client, "delete_selected").content.decode()
    assert "quarantined rows: 3" in page.lower()
    assert Quarantine.objects.count() == 3


# --- A run's mapping -----------------------------------------------------------------------------


def change(client: Client, run: ImportRun, mapping: str) -> Any:
    url = reverse("admin:tracking_importrun_change", args=(run.pk,))
    return client.post(url, {"mapping": mapping})


def test_a_mapping_is_mended_by_who_may_change_imports(
    people: dict[str, Client], tmp_path: Path
) -> None:
    run, _ = run_import(file_make(tmp_path, good(1), lend(2)))
    before = run.mapping
    translate_lend(run)
    mended = run.mapping
    ImportRun.objects.update(mapping=before)
    for name, status in (("mara", 403), ("nils", 403), ("olga", 302)):
        assert change(people[name], run, mended).status_code == status
    act(people["olga"], "try_again")
    assert not Quarantine.objects.exists()
    run.refresh_from_db()
    assert (run.queued, run.file_name) == (2, "log.csv")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "rees46"', 'name = "other"', "must stay"),
        ('"user_id"', '"user"', "has no column user"),
        ('view = "page_view"', 'view = "nothing_known"', "no event type nothing_known"),
        ("visitor", "visiter", "visiter"),
    ],
)
def test_a_mapping_that_cannot_be_used_is_refused(
    admin_client: Client, tmp_path: Path, old: str, new: str, says: str
) -> None:
    run, _ = run_import(file_make(tmp_path, lend(1)))
    assert old in run.mapping
    answer = change(admin_client, run, run.mapping.replace(old, new))
    assert answer.status_code == 200
    assert says in answer.content.decode()
