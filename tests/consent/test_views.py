"""The endpoints: what they answer, set and refuse."""

import re
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.test import Client
from django.utils import timezone

from consent.cookies import cookie_value
from consent.models import ConsentDecision, EffectiveConsent, Purpose
from tests.consent.visitors import SAME_ORIGIN, choose, visitor_id_of

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}


def checked(html: str) -> set[str]:
    inputs = re.findall(r"<input[^>]*name=\"purpose\"[^>]*>", html)
    assert len(inputs) == Purpose.objects.filter(is_active=True).count()
    on = " ".join(one for one in inputs if re.search(r"\bchecked\b", one))
    return set(re.findall(r'value="(\w+)"', on))


def test_no_page_sets_a_cookie_before_a_choice(client):
    """A1."""
    for path in ("/", "/preferences/", "/preferences/?saved=1", "/.well-known/gpc.json"):
        response = client.get(path)
        assert response.status_code == 200
        assert not response.cookies
    assert not EffectiveConsent.objects.exists()


def test_the_tracker_is_in_the_page_only_after_a_grant(client):
    """A3."""
    assert "dist/tracker.js" not in client.get("/").content.decode()
    choose(client, "accept")
    assert "dist/tracker.js" in client.get("/").content.decode()
    choose(client, "withdraw")
    assert "dist/tracker.js" not in client.get("/").content.decode()


def test_every_toggle_is_off_at_first_render(client):
    """A6."""
    assert checked(client.get("/preferences/").content.decode()) == set()


def test_banner_is_shown_until_a_choice_and_not_after_either_one(client, ana, ben):
    """B10, C7."""
    assert "data-consent-banner" in client.get("/").content.decode()
    for visitor in (ana, ben):
        assert "data-consent-banner" not in visitor.client.get("/").content.decode()


def test_accept_and_reject_look_the_same_in_the_html(client):
    """B1, B2."""
    html = client.get("/").content.decode()
    buttons = re.findall(r'<button class="([^"]*)" name="choice" value="(accept|reject)">', html)
    assert {value for _, value in buttons} == {"accept", "reject"}
    assert len({css for css, _ in buttons}) == 1


def test_granting_measurement_leaves_personalization_off(client):
    """B8."""
    choose(client, "save", "measurement", path="/preferences/")
    assert checked(client.get("/preferences/").content.decode()) == {"measurement"}


def test_forms_work_without_javascript(client):
    """B9."""
    response = choose(client, "accept", next="/preferences/")
    assert (response.status_code, response["Location"]) == (303, "/preferences/")
    saved = choose(client, "save", path="/preferences/")
    assert saved["Location"] == "/preferences/?saved=1"
    assert "Saved." in client.get(saved["Location"]).content.decode()


def test_script_gets_json(client):
    granted = choose(client, "accept", headers=JSON)
    assert granted.json() == {
        "granted": ["measurement", "personalization"],
        "withdrawn": [],
        "decided": True,
        "tracker": "/static/dist/tracker.js",
    }
    narrowed = choose(client, "save", "measurement", headers=JSON, path="/preferences/").json()
    assert narrowed["withdrawn"] == ["personalization"]
    assert choose(client, "withdraw", headers=JSON).json()["tracker"] is None


@pytest.mark.parametrize("path", ["/", "/preferences/"])
def test_withdrawing_is_one_click_on_every_page_and_needs_no_login(ana, path):
    """C1, C10."""
    html = ana.client.get(path).content.decode()
    footer = html[html.index("data-consent-on") :]
    assert 'name="choice" value="withdraw"' in footer[: footer.index("</form>")]
    choose(ana.client, "withdraw")
    assert not EffectiveConsent.objects.filter(granted__len__gt=0).exists()


def test_after_withdrawal_the_page_equals_that_of_a_visitor_who_refused(ben, cleo):
    """C4."""
    assert cleo.client.get("/").content == ben.client.get("/").content


def test_a_choice_sets_exactly_one_hardened_cookie(client):
    response = choose(client, "accept")
    assert list(response.cookies) == ["attune_consent"]
    cookie = response.cookies["attune_consent"]
    assert cookie["httponly"]
    assert not cookie["secure"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == 180 * 24 * 3600
    assert str(visitor_id_of(client)) not in response.content.decode()


def test_under_https_the_cookie_is_secure(client):
    response = client.post("/consent/", {"choice": "reject"}, secure=True, headers=SAME_ORIGIN)
    assert response.cookies["attune_consent"]["secure"]


def test_visiting_never_extends_the_cookie(ana):
    """H4."""
    for path in ("/", "/preferences/"):
        assert not ana.client.get(path).cookies


def test_the_client_sets_neither_time_nor_version_nor_method(client):
    """E5."""
    before = timezone.now()
    forged = {"decided_at": "2001-01-01", "now": "2001-01-01", "version": "9", "control": "import"}
    forged |= {"notice": "x", "gpc": "0", "gpc_seen": "true", "visitor_id": "x", "locale": "xx"}
    choose(client, "accept", **forged)
    row = ConsentDecision.objects.get()
    assert row.decided_at >= before
    assert (row.control, row.locale, row.gpc_seen) == ("banner-accept", "en", False)
    assert row.notice.versions == {"measurement": 1, "personalization": 1}


def test_forged_replayed_and_old_cookies_are_no_record(ana, cleo):
    """E6."""
    genuine = ana.client.cookies["attune_consent"].value
    other = cleo.client.cookies["attune_consent"].value
    forged = genuine.split(":", maxsplit=1)[0] + ":" + other.split(":")[1]
    for value in (forged, genuine[:-1], "", "x", genuine.replace(".", ":"), "é" * 10):
        client = Client()
        client.cookies["attune_consent"] = value
        assert "data-consent-banner" in client.get("/").content.decode()
    now = timezone.now()
    replayed = Client()
    replayed.cookies["attune_consent"] = cookie_value(cleo.old_id, now)
    assert "dist/tracker.js" not in replayed.get("/").content.decode()
    aged = Client()
    aged.cookies["attune_consent"] = cookie_value(ana.visitor_id, now - timedelta(days=180))
    assert "dist/tracker.js" not in aged.get("/").content.decode()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://testserver:8001"},
        {"Origin": "null"},
    ],
    ids=str,
)
@pytest.mark.parametrize("path", ["/consent/", "/preferences/"])
def test_a_foreign_post_changes_nothing(ana, path, headers):
    """Threat 3: 403 with a clear page, no cookie, no row."""
    client = Client(enforce_csrf_checks=True)
    client.cookies = ana.client.cookies
    count = ConsentDecision.objects.count()
    response = client.post(path, {"choice": "withdraw"}, headers=headers)
    assert response.status_code == 403
    assert "own pages" in response.content.decode()
    assert not response.cookies
    assert ConsentDecision.objects.count() == count
    problem = client.post(path, {"choice": "accept"}, headers={**headers, **JSON})
    assert problem["Content-Type"] == "application/problem+json"
    assert problem.json()["reason"] == "foreign_origin"


@pytest.mark.parametrize("headers", [SAME_ORIGIN, {"Origin": "http://testserver"}], ids=str)
def test_own_pages_need_no_cookie_token(headers):
    client = Client(enforce_csrf_checks=True)
    assert client.post("/consent/", {"choice": "reject"}, headers=headers).status_code == 303


@pytest.mark.parametrize("choice", ["", "maybe", "gpc", "import"])
def test_an_unknown_choice_is_refused_and_records_nothing(client, choice):
    response = choose(client, choice)
    assert response.status_code == 400
    assert not ConsentDecision.objects.exists()


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "javascript:alert(1)", "\\\\evil", ""]
)
def test_the_way_back_never_leads_to_another_site(client, target):
    assert choose(client, "reject", next=target)["Location"] == "/"


def test_only_post_changes_consent(client):
    assert client.get("/consent/?choice=accept").status_code == 405
    client.get("/preferences/?choice=accept&purpose=measurement")
    assert not ConsentDecision.objects.exists()


def test_support_of_the_signal_is_declared(client):
    """D7."""
    response = client.get("/.well-known/gpc.json")
    assert response["Content-Type"] == "application/json"
    assert response.json()["gpc"] is True
    assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", response.json()["lastUpdate"])


def test_a_purpose_text_from_the_admin_is_escaped(client):
    """Threat 2."""
    Purpose.objects.filter(key="measurement").update(title="<script>x</script>")
    assert "<script>x" not in client.get("/preferences/").content.decode()


def test_the_preference_page_says_when_it_was_decided_and_when_it_ends(ana):
    row = EffectiveConsent.objects.get()
    html = ana.client.get("/preferences/").content.decode()
    assert row.decided_at.date().isoformat() in html
    assert row.expires_at.date().isoformat() in html
    assert row.notice_key[:12] in html


def test_a_refusal_by_the_database_does_not_look_like_consent(client):
    with patch("consent.services.decision_record", side_effect=RuntimeError):
        client.raise_request_exception = False
        assert not choose(client, "accept").cookies
