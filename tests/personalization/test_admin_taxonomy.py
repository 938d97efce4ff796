"""Event types in the admin: added, changed and refused in words; nothing stored is altered."""

from typing import Any
from uuid import UUID

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from personalization.selectors import ruleset_current, ruleset_version
from tests.personalization.admin_site import Site, client_of
from tests.tracking.people import ana_make, drain, event_make, inbox_put
from tracking import selectors
from tracking.models import EventType
from tracking.signals import taxonomy_changed

LIST = "admin:tracking_eventtype_changelist"
ADD = "admin:tracking_eventtype_add"
CHANGE = "admin:tracking_eventtype_change"
DELETE = "admin:tracking_eventtype_delete"

OWN = {
    "label": "Brochure requested",
    "name": "brochure_request",
    "kind": "active",
    "unit": "event",
    "weight": "5",
    "value_cap": "",
    "half_life_short": "2",
    "half_life_long": "60",
    "repeat_ms": "300",
    "retention_days": "",
    "properties-0-name": "pages",
    "properties-0-kind": "integer",
    "properties-3-name": "orderId",
    "properties-3-kind": "id",
    "properties-4-name": "",
    "properties-4-kind": "text",
}
EVIL = '"><script>alert(1)</script>{{ 7*7 }}\' onfocus="x'


def posted(**changed: str) -> dict[str, str]:
    return OWN | {name.replace("__", "-"): value for name, value in changed.items()}


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200
    return dict(response.context["adminform"].form.errors)


@pytest.fixture
def own(site: Site, marketer: Client) -> EventType:
    assert marketer.post(reverse(ADD), OWN).status_code == 302
    return EventType.objects.get(name="brochure_request")


def reads(visitor_id: UUID, *events: tuple[str, str]) -> None:
    """Events of (type, category), stored and folded."""
    inbox_put(visitor_id, [event_make(type, category=category) for type, category in events])
    drain(visitor_id)


# --- Adding and changing -----------------------------------------------------------------------


def test_a_marketer_adds_an_event_type_that_counts_at_once(own: EventType, site: Site) -> None:
    assert (own.label, own.kind, own.unit, own.weight) == (
        "Brochure requested", "active", "event", 5.0,
    )  # fmt: skip
    assert own.properties == {"pages": "integer", "orderId": "id"}
    assert (own.half_life_short, own.half_life_long, own.repeat_ms) == (2.0, 60.0, 300)
    assert ruleset_version() == site.version + 1
    assert ruleset_current(None).weights["brochure_request"].weight == 5.0
    ana = ana_make()
    reads(ana, ("brochure_request", "gardening"))
    assert [event["type"] for event in selectors.visitor_events(ana)] == ["brochure_request"]


def test_what_an_own_type_is_stays_and_the_rest_changes(own: EventType, marketer: Client) -> None:
    url = reverse(CHANGE, args=[own.pk])
    changed = posted(
        label="Brochure  wanted", name="other", kind="negative", unit="second", weight="6",
        properties__0__name="", retention_days="90",
    )  # fmt: skip
    assert marketer.post(url, changed).status_code == 302
    row = EventType.objects.get(name="brochure_request")
    assert (row.label, row.kind, row.unit) == ("Brochure wanted", "active", "event")
    assert (row.weight, row.retention_days) == (6.0, 90)
    assert row.properties == {"orderId": "id"}
    assert not EventType.objects.filter(name="other").exists()
    assert "nobody can change name, kind and unit" in marketer.get(url).content.decode()


def test_the_form_opens_with_the_models_defaults(site: Site, marketer: Client) -> None:
    page = marketer.get(reverse(ADD)).content.decode()
    for field, value in (("half_life_short", 1), ("half_life_long", 30), ("repeat_ms", 0)):
        tag = page.split(f'name="{field}"')[1].split(">")[0]
        assert f'value="{value}"' in tag


WRONG = [
    ({"label": ""}, "label", "Label: write what people read."),
    ({"label": "a\u202eb"}, "label", "Label: use letters, digits and signs that can be seen."),
    ({"name": ""}, "name", "Name: write what pages send."),
    *(
        ({"name": name}, "name", "Name: use small letters, digits and _")
        for name in ("Click", "1st", "a-b", "a b", "é", "click\n2", EVIL[:40])
    ),
    ({"name": "click"}, "name", "Name: there is already an event type “click”."),
    ({"kind": ""}, "kind", "Kind: choose one."),
    *(
        ({"weight": weight}, "weight", "Weight: use a number from 0 to 1,000.")
        for weight in ("", "-1", "nan", "inf", "1001", "much")
    ),
    ({"value_cap": "5"}, "value_cap", "an event that counts “per event” reports no value"),
    ({"unit": "second", "value_cap": "0"}, "value_cap", "Largest value: use a number from 0.01"),
    ({"half_life_short": "0"}, "half_life_short", "What a visitor wants now: use a number from"),
    ({"half_life_long": "9999"}, "half_life_long", "What a visitor likes: use a number from"),
    ({"half_life_short": "60"}, "half_life_short", "must fade faster than what they like (60 d"),
    ({"repeat_ms": "1.5"}, "repeat_ms", "Rapid repeats: use a whole number from 0 to 60,000."),
    ({"retention_days": "0"}, "retention_days", "Keep for: use a whole number from 1 to 3,650, or"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "field", "message"), WRONG)
def test_an_error_says_which_field_and_why(
    site: Site, marketer: Client, changed: dict[str, str], field: str, message: str
) -> None:
    errors = errors_of(marketer.post(reverse(ADD), OWN | changed))
    assert list(errors) == [field]
    assert message in errors[field][0]
    assert ruleset_version() == site.version
    assert not EventType.objects.filter(label=OWN["label"]).exists()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"name": "1st"}, "Name: use letters, digits and _, beginning with a letter"),
        ({"name": "pages"}, "Name: there is already a property “pages”."),
        ({"name": "x" * 41}, "at most 40"),
        ({"kind": "regex"}, "Kind: choose one of the list."),
    ],
)
def test_an_error_stands_in_its_row(
    site: Site, marketer: Client, row: dict[str, str], message: str
) -> None:
    changed = {f"properties-3-{part}": value for part, value in row.items()}
    response = marketer.post(reverse(ADD), OWN | changed)
    assert list(errors_of(response)) == ["properties"]
    page = response.content.decode()
    assert message in page.split('id="properties-1-error">')[1].split("</span>")[0]
    assert 'aria-describedby="properties-1-error"' in page
    assert 'value="pages"' in page, "what was typed is still there"


def test_an_event_type_carries_only_so_many_properties(site: Site, marketer: Client) -> None:
    many = {f"properties-{n}-{part}": value for n in range(10, 30)
            for part, value in (("name", f"p{n}"), ("kind", "text"))}  # fmt: skip
    errors = errors_of(marketer.post(reverse(ADD), OWN | many))
    assert errors == {"properties": ["Properties: an event carries at most 20, remove 2."]}


def test_an_event_that_counts_once_has_no_largest_value(site: Site, marketer: Client) -> None:
    assert 'name="value_cap"' not in marketer.get(reverse(CHANGE, args=["click"])).content.decode()
    assert 'name="value_cap"' in marketer.get(reverse(CHANGE, args=["dwell"])).content.decode()


# --- Half-lives --------------------------------------------------------------------------------


def test_a_changed_half_life_is_told_to_people_and_receivers(
    own: EventType, marketer: Client
) -> None:
    told: list[dict[str, Any]] = []

    def receiver(**sent: Any) -> None:
        told.append(sent)

    taxonomy_changed.connect(receiver)
    try:
        url = reverse(CHANGE, args=[own.pk])
        response = marketer.post(url, posted(half_life_long="45"))
        assert "made anew in the background" in " ".join(said(response))
        again = marketer.post(url, posted(half_life_long="45", weight="7"))
        assert " ".join(said(again)).count("made anew") == 1, "nobody has read the first yet"
    finally:
        taxonomy_changed.disconnect(receiver)
    assert [sent["changed"] for sent in told] == [
        {"brochure_request": {"half_life_long"}}, {"brochure_request": {"weight"}},
    ]  # fmt: skip
    assert {sent["by"] for sent in told} == {"mara"}


def test_the_picture_follows_what_is_typed(site: Site, marketer: Client) -> None:
    url = reverse("admin:half_lives_fading")
    picture = marketer.post(url, {"half_life_short": "0.5", "half_life_long": "10"})
    page = picture.content.decode()
    assert "half after 12 hours, a tenth after 1.7 days" in page
    assert "half after 10 days" in page
    wrong = marketer.post(url, {"half_life_short": EVIL, "half_life_long": "10"}).content.decode()
    assert "Half-life: use a number from 0.01 to 3,650." in wrong
    assert "<script" not in wrong
    assert marketer.get(url).status_code == 405


# --- Deleting ----------------------------------------------------------------------------------


def test_standard_types_cannot_be_deleted_by_anybody(site: Site, superuser: Client) -> None:
    before = selectors.signal_list()
    assert superuser.post(reverse(DELETE, args=["click"]), {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": ["click"], "post": "yes"}
    superuser.post(reverse(LIST), chosen)
    assert selectors.signal_list() == before
    page = superuser.get(reverse(CHANGE, args=["click"])).content.decode()
    assert "nobody can change what it is or delete it" in page
    assert "/click/delete/" not in page


def test_an_own_type_without_events_is_deleted_and_published(
    own: EventType, site: Site, marketer: Client
) -> None:
    response = marketer.post(reverse(DELETE, args=[own.pk]), {"post": "yes"})
    assert response.status_code == 302
    assert not EventType.objects.filter(pk=own.pk).exists()
    assert "brochure_request" not in ruleset_current(None).weights
    assert f"Published as version {site.version + 2}." in said(response)


def test_an_own_type_with_events_stays_and_says_why(own: EventType, marketer: Client) -> None:
    reads(ana_make(), ("brochure_request", "gardening"))
    for response in (
        marketer.get(reverse(DELETE, args=[own.pk])),
        marketer.post(reverse(DELETE, args=[own.pk]), {"post": "yes"}),
    ):
        assert response["Location"] == reverse(CHANGE, args=[own.pk])
        assert any("cannot be deleted by anybody: events of it" in line for line in said(response))
    assert EventType.objects.filter(pk=own.pk).exists()


# --- For everybody -----------------------------------------------------------------------------


def test_who_may_only_look_sees_all_and_changes_nothing(own: EventType) -> None:
    from django.contrib.auth.models import Permission, User

    looker = client_of("lou")
    view = Permission.objects.get(codename="view_eventtype")
    User.objects.get(username="lou").user_permissions.add(view)
    for url in (reverse(LIST), reverse(CHANGE, args=[own.pk])):
        page = looker.get(url).content.decode()
        assert "whoever is in the group Marketer may change" in page.replace("Whoever", "whoever")
        assert 'name="weight"' not in page
        assert 'data-live-fields="weight"' not in page
    page = looker.get(reverse(CHANGE, args=[own.pk])).content.decode()
    assert "pages (Whole number), orderId (Identifier)" in page
    assert looker.post(reverse("admin:weights_preview")).status_code == 403
    assert looker.post(reverse("admin:half_lives_fading")).status_code == 200
    assert looker.post(reverse(CHANGE, args=[own.pk]), OWN).status_code == 403


@pytest.mark.parametrize("place", ["label", "properties-0-name", "properties-0-kind", "weight"])
def test_what_is_typed_stays_text(own: EventType, marketer: Client, place: str) -> None:
    response = marketer.post(reverse(CHANGE, args=[own.pk]), OWN | {place: EVIL})
    pages = [response.content.decode()] if response.status_code == 200 else []
    pages += [marketer.get(reverse(LIST)).content.decode()]
    pages += [marketer.get(reverse(CHANGE, args=[own.pk])).content.decode()]
    assert place.endswith("kind") or any("&lt;script&gt;" in page for page in pages)
    for page in pages:
        assert "<script>alert" not in page
        assert ' onfocus="x' not in page
        assert ">49<" not in page
