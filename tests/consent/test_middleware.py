"""`request.consent`, the opt-out signal, and headers that keep responses apart."""

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils.functional import SimpleLazyObject

from consent.logic import ConsentState
from consent.middleware import ConsentMiddleware
from consent.models import ConsentDecision, EffectiveConsent
from tests.consent.visitors import BOTH, choose, visitor_id_of

pytestmark = pytest.mark.django_db
GPC = {"Sec-GPC": "1"}


def run(view):
    return ConsentMiddleware(view)(RequestFactory().get("/"))


@pytest.mark.parametrize("path", ["/", "/preferences/"])
def test_a_page_made_for_one_consent_state_is_never_stored_or_shared(client, ana, path):
    """A8, D8."""
    for visitor in (client, ana.client):
        response = visitor.get(path)
        assert response["Cache-Control"] == "private, no-store"
        assert {"Cookie", "Sec-GPC"} <= set(response["Vary"].split(", "))


def test_a_choice_is_never_stored_either(client):
    assert choose(client, "accept")["Cache-Control"] == "private, no-store"


def test_a_response_that_did_not_look_keeps_its_headers(django_assert_num_queries):
    with django_assert_num_queries(0):
        response = run(lambda request: HttpResponse(headers={"Cache-Control": "max-age=60"}))
    assert response["Cache-Control"] == "max-age=60"
    assert "Vary" not in response


def test_public_caching_gives_way_where_consent_was_looked_at():
    def view(request):
        assert not request.consent.decided
        return HttpResponse(headers={"Cache-Control": "public, max-age=60", "Vary": "Accept"})

    response = run(view)
    assert response["Cache-Control"] == "private, no-store"
    assert response["Vary"] == "Accept, Cookie, Sec-GPC"


@pytest.mark.parametrize("replacement", [ConsentState, lambda: SimpleLazyObject(ConsentState)])
def test_another_loader_may_take_over_before_evaluation(replacement):
    def view(request):
        request.consent = replacement()
        return HttpResponse(str(request.consent.granted))

    assert run(view)["Cache-Control"] == "private, no-store"


def test_a_replacement_that_nobody_looks_at_changes_no_header():
    def view(request):
        request.consent = SimpleLazyObject(ConsentState)
        return HttpResponse()

    assert "Cache-Control" not in run(view)


def test_signal_without_a_record_is_honoured_shown_and_leaves_no_trace(client):
    """D1."""
    response = client.get("/", headers=GPC)
    html = response.content.decode()
    assert "Opt-out signal honoured" in html
    assert "dist/tracker.js" not in html
    assert not response.cookies
    assert not ConsentDecision.objects.exists()


@pytest.mark.parametrize("value", ["0", "true", "1, 1", "yes"])
def test_only_exactly_1_is_the_signal(ana, value):
    """D2."""
    html = ana.client.get("/", headers={"Sec-GPC": value}).content.decode()
    assert "dist/tracker.js" in html


def test_signal_after_a_grant_becomes_a_lasting_opt_out_under_a_new_id(ana):
    """D3, D4."""
    response = ana.client.get("/", headers=GPC)
    assert "dist/tracker.js" not in response.content.decode()
    assert "Opt-out signal honoured" in response.content.decode()
    new_id = visitor_id_of(ana.client)
    assert new_id not in (None, ana.visitor_id)
    assert EffectiveConsent.objects.get(pk=ana.visitor_id).fenced_at is not None
    decision = ConsentDecision.objects.get(visitor_id=new_id)
    assert (decision.control, decision.gpc_seen) == ("gpc", True)
    assert decision.states == dict.fromkeys(BOTH, False)
    without_signal = ana.client.get("/")
    assert "dist/tracker.js" not in without_signal.content.decode()
    assert "data-consent-banner" not in without_signal.content.decode()
    assert not without_signal.cookies


def test_of_many_requests_with_a_new_signal_only_one_rotates(ana):
    other_tab = Client()
    other_tab.cookies["attune_consent"] = ana.client.cookies["attune_consent"].value
    assert ana.client.get("/", headers=GPC).cookies
    assert not other_tab.get("/", headers=GPC).cookies
    assert EffectiveConsent.objects.count() == 2


def test_an_explicit_grant_while_the_signal_is_on_holds(client):
    """D1, D3."""
    choose(client, "accept", headers=GPC)
    for headers in (GPC, {}, GPC):
        response = client.get("/", headers=headers)
        assert "dist/tracker.js" in response.content.decode()
        assert not response.cookies
    assert ConsentDecision.objects.get().gpc_seen


def test_an_explicit_grant_after_the_signal_overrides_it(ana):
    """D3."""
    ana.client.get("/", headers=GPC)
    choose(ana.client, "accept", headers=GPC)
    assert "dist/tracker.js" in ana.client.get("/", headers=GPC).content.decode()


def test_choosing_with_the_signal_on_is_one_decision_not_two(ana):
    """The signal in the very request that grants again is seen, not obeyed over the choice."""
    count = ConsentDecision.objects.count()
    choose(ana.client, "accept", headers=GPC)
    assert ConsentDecision.objects.count() == count + 1
    assert visitor_id_of(ana.client) == ana.visitor_id
