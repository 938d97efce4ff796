"""Sign-in, sign-out, several devices: what Ana's, Ben's and Cleo's browsers stand for."""

from datetime import timedelta
from threading import Barrier, Thread
from uuid import UUID

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import connection
from django.utils import timezone

from consent import accounts, selectors, services
from consent.cookies import COOKIE_NAME, cookie_pointer, cookie_value
from consent.models import Account, AccountBrowser, ConsentDecision, EffectiveConsent, Purpose
from consent.signals import consent_changed, visitors_merged
from tests.consent.visitors import BOTH, Device, choose, decide

pytestmark = pytest.mark.django_db


def device(*choices: tuple[str, ...]) -> Device:
    """A browser in which these choices were made."""
    made = Device()
    for choice in choices:
        made.choose(*choice)
    return made


def signed_in(account: str, *choices: tuple[str, ...]) -> Device:
    made = device(*choices)
    made.sign_in(account)
    return made


def row(visitor_id: UUID | None) -> EffectiveConsent:
    assert visitor_id is not None
    return EffectiveConsent.objects.get(visitor_id=visitor_id)


def test_the_first_sign_in_continues_the_browsers_record_under_the_accounts_id() -> None:
    ana = device(BOTH)
    before = ana.visitor_id
    assert before is not None
    ana.sign_in("ana")
    assert ana.state().granted == set(BOTH)
    assert ana.visitor_id not in (None, before)
    assert row(before).merged_into == ana.visitor_id
    assert selectors.consent_granted(before, timezone.now()) == frozenset()
    assert Account.objects.get().visitor_id == ana.visitor_id


def test_an_account_is_known_by_a_keyed_hash_only(settings) -> None:
    signed_in("ana@example.org", BOTH)
    key = Account.objects.get().key
    assert "ana" not in key
    settings.SECRET_KEY = "another key altogether, which guards nothing either"
    assert accounts.account_key("ana@example.org") != key
    with pytest.raises(ValueError, match="identifier"):
        accounts.account_key("")


def test_a_second_device_stands_for_the_same_visitor_without_being_asked() -> None:
    phone, laptop = signed_in("ana", BOTH), signed_in("ana")
    assert laptop.visitor_id == phone.visitor_id
    assert laptop.state().decided
    assert laptop.cookie != phone.cookie


def test_an_anonymous_grant_and_the_accounts_denial_is_denied() -> None:
    """C9."""
    signed_in("ben", ())
    laptop = device(BOTH)
    anonymous = laptop.visitor_id
    assert anonymous is not None
    laptop.sign_in("ben")
    assert laptop.state().granted == frozenset()
    assert laptop.state().decided
    assert row(anonymous).fenced_at is not None
    assert row(anonymous).merged_into is None
    assert anonymous in selectors.visitors_to_erase(
        since=timezone.now() - timedelta(minutes=1), until=timezone.now()
    )


def test_an_anonymous_denial_takes_back_what_the_account_had_granted() -> None:
    phone = signed_in("ben", BOTH)
    old = phone.visitor_id
    laptop = signed_in("ben", ())
    assert phone.state().granted == laptop.state().granted == frozenset()
    assert phone.state().decided
    assert row(old).fenced_at is not None
    assert phone.visitor_id == laptop.visitor_id != old


def test_two_grants_make_the_weaker_one() -> None:
    """A sign-in is no choice: it prolongs nothing."""
    now = timezone.now()
    phone, laptop = Device(), Device()
    phone.choose(*BOTH, now=now - timedelta(days=100))
    phone.sign_in("ana", now=now - timedelta(days=99))
    laptop.choose(*BOTH, now=now - timedelta(days=1))
    laptop.sign_in("ana", now=now)
    assert laptop.state().expires_at == now - timedelta(days=100) + timedelta(days=180)


def test_a_lapsed_record_is_none_on_either_side() -> None:
    now = timezone.now()
    phone = Device()
    phone.choose(now=now - timedelta(days=181))
    phone.sign_in("ana", now=now - timedelta(days=180))
    laptop = device(BOTH)
    laptop.sign_in("ana", now=now)
    assert laptop.state().granted == set(BOTH)
    purpose = Purpose.objects.get(key="measurement")
    services.purpose_save(purpose=purpose, material=True, now=timezone.now())
    tablet = signed_in("ana", ("personalization",))
    assert tablet.state().granted == {"personalization"}
    assert laptop.state().granted == {"personalization"}


def test_signing_in_twice_is_signing_in_once() -> None:
    ana = signed_in("ana", BOTH)
    before = ana.visitor_id, ana.cookie, ConsentDecision.objects.count()
    ana.sign_in("ana")
    assert (ana.visitor_id, ana.cookie, ConsentDecision.objects.count()) == before
    assert AccountBrowser.objects.count() == 1


def test_a_withdrawal_on_one_device_stops_the_other_at_its_next_event() -> None:
    """C2, C6: one record, under a new id that both follow without a new cookie."""
    phone, laptop = signed_in("cleo", BOTH), signed_in("cleo")
    old, cookie = phone.visitor_id, laptop.cookie
    phone.choose()
    assert laptop.state().granted == frozenset()
    assert laptop.state().decided
    assert laptop.visitor_id == phone.visitor_id != old
    assert (laptop.cookie, row(old).merged_into) == (cookie, None)
    laptop.choose("measurement")
    assert phone.state().granted == {"measurement"}


def test_a_sign_out_leaves_no_visitor_and_the_account_its_record() -> None:
    phone, laptop = signed_in("ana", BOTH), signed_in("ana")
    phone.sign_out()
    assert phone.cookie is None
    assert not phone.state().decided
    assert laptop.state().granted == set(BOTH)
    phone.choose("measurement")
    assert phone.visitor_id != laptop.visitor_id
    assert laptop.state().granted == set(BOTH)


def test_a_cookie_kept_from_before_a_sign_out_names_nobody() -> None:
    """E6, threat 9: neither in the browser it was set in nor copied to another."""
    phone = signed_in("ana", BOTH)
    kept = phone.cookie
    phone.sign_out()
    phone.cookie = kept
    assert phone.visitor_id is None
    phone.choose(*BOTH)
    assert phone.visitor_id != Account.objects.get().visitor_id


def test_a_cookie_from_before_a_sign_in_names_nobody() -> None:
    """Threat 9: whoever planted their own cookie is left with nothing after the sign-in."""
    planted = device(BOTH)
    victim = Device()
    victim.cookie = planted.cookie
    victim.sign_in("ana")
    assert victim.visitor_id is not None
    assert planted.visitor_id is None
    planted.choose(*BOTH)
    assert planted.visitor_id not in (None, victim.visitor_id)


def test_no_cookie_can_name_an_accounts_visitor() -> None:
    """Not even a signed one: an account's id was never given to a browser."""
    ana = signed_in("ana", BOTH)
    ana.choose("measurement")
    ana.choose(*BOTH)
    assert ana.visitor_id is not None
    values = [cookie_pointer(value, timezone.now()) for value in ana.cookies]
    assert ana.visitor_id not in [pointer.id for pointer in values if pointer]
    forged = cookie_value(ana.visitor_id, timezone.now(), is_browser=True)
    assert selectors.consent_for_cookie(forged, False, timezone.now()).visitor_id is None


def test_signing_in_to_another_account_brings_nothing_of_the_first() -> None:
    shared = signed_in("ana", BOTH)
    ana = shared.visitor_id
    shared.sign_in("ben")
    assert shared.state().visitor_id is None
    shared.choose("measurement")
    assert Account.objects.count() == 2
    assert Account.objects.get(key=accounts.account_key("ana")).visitor_id == ana
    assert row(ana).granted == sorted(BOTH)


def test_a_choice_after_the_sign_in_is_the_accounts() -> None:
    """Nobody had chosen before, so no cookie was set: the session remembers who it is."""
    phone = signed_in("ana")
    assert phone.cookie is None
    assert not Account.objects.exists()
    phone.choose(*BOTH)
    assert signed_in("ana").visitor_id == phone.visitor_id
    other = signed_in("ana")
    other.choose()
    assert phone.state().granted == frozenset()


def test_an_opt_out_signal_on_one_device_is_the_accounts() -> None:
    """D3."""
    phone, laptop = signed_in("ana", BOTH), signed_in("ana")
    cookie = phone.cookie
    phone.visit(gpc=True)
    assert phone.cookie == cookie
    assert laptop.state().granted == phone.state().granted == frozenset()


def test_what_a_sign_in_made_can_be_rebuilt_from_the_decisions() -> None:
    phone = signed_in("ana", BOTH)
    laptop = device(BOTH)
    merged = laptop.visitor_id
    laptop.sign_in("ana")
    refused = device(())
    retired = refused.visitor_id
    refused.sign_in("ana")
    phone.choose("measurement")
    ids = set(ConsentDecision.objects.values_list("visitor_id", flat=True))
    assert {merged, retired, phone.visitor_id} <= ids
    assert services.effective_rebuild(visitor_ids=ids) == 0
    before = list(EffectiveConsent.objects.order_by("pk").values())
    EffectiveConsent.objects.all().delete()
    assert services.effective_rebuild(visitor_ids=ids) == len(ids)
    assert list(EffectiveConsent.objects.order_by("pk").values()) == before


def test_a_merge_tells_once_and_withdrawals_tell_the_ids_that_end(
    django_capture_on_commit_callbacks,
) -> None:
    heard: list[tuple] = []

    def merged(from_id, into_id, **_):
        heard.append(("merged", from_id, into_id))

    def changed(visitor_id, withdrawn, **_):
        heard.extend([("withdrawn", visitor_id)] if withdrawn else [])

    visitors_merged.connect(merged)
    consent_changed.connect(changed)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            ana = device(BOTH)
            first = ana.visitor_id
            ana.sign_in("ana")
            account = ana.visitor_id
            ben = device(("measurement",))
            second = ben.visitor_id
            ben.sign_in("ana")
    finally:
        visitors_merged.disconnect(merged)
        consent_changed.disconnect(changed)
    last = ben.visitor_id
    assert heard == [
        ("merged", first, account),
        ("withdrawn", account),
        ("merged", second, last),
    ]


def test_successors_are_followed_to_the_last_and_found_from_it() -> None:
    a, b, c = (decide(None, *BOTH).visitor_id for _ in range(3))
    EffectiveConsent.objects.filter(pk=a).update(merged_into=b)
    EffectiveConsent.objects.filter(pk=b).update(merged_into=c)
    assert selectors.visitors_successors([a, b, c]) == {a: c, b: c}
    assert set(selectors.visitors_merged_into(c)) == {a, b}
    services.merges_forget(into_id=c)
    assert selectors.visitors_successors([a, b]) == {a: b}


# --- Django's own accounts, and pages -----------------------------------------------------------


def test_a_readers_login_signs_in_and_a_staff_login_does_not(client) -> None:
    users = get_user_model().objects
    reader = users.create_user(username="ana", password="x")
    staff = users.create_user(username="ben", password="x", is_staff=True)
    ana = device(BOTH)
    ana.request(lambda request: user_logged_in.send(users, request=request, user=staff))
    assert not Account.objects.exists()
    ana.request(lambda request: user_logged_in.send(users, request=request, user=reader))
    assert Account.objects.get().visitor_id == ana.visitor_id
    ana.request(lambda request: user_logged_out.send(users, request=request, user=reader))
    assert ana.cookie is None


def test_the_cookie_of_a_signed_in_browser_is_hardened_as_any(client) -> None:
    choose(client, "accept")
    anonymous = client.cookies[COOKIE_NAME].value
    user = get_user_model().objects.create_user(username="ana", password="x")
    client.force_login(user)
    client.cookies[COOKIE_NAME] = anonymous
    response = choose(client, "save", *BOTH)
    cookie = response.cookies[COOKIE_NAME]
    pointer = cookie_pointer(cookie.value, timezone.now())
    assert pointer is not None
    assert pointer.is_browser
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert cookie["max-age"] == 180 * 24 * 3600
    assert response["Cache-Control"] == "private, no-store"


@pytest.mark.django_db(transaction=True)
def test_two_devices_that_sign_in_or_choose_at_once_end_at_one_record() -> None:
    for _ in range(3):
        phone, laptop, tablet = device(BOTH), device(("measurement",)), signed_in("ana")
        gate = Barrier(3)

        def act(action, gate=gate) -> None:
            gate.wait()
            try:
                action()
            finally:
                connection.close()

        actions = (
            lambda phone=phone: phone.sign_in("ana"),
            lambda laptop=laptop: laptop.sign_in("ana"),
            lambda tablet=tablet: tablet.choose(*BOTH),
        )
        threads = [Thread(target=act, args=(action,)) for action in actions]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        states = [one.state() for one in (phone, laptop, tablet)]
        assert len({(state.visitor_id, state.granted) for state in states}) == 1
        assert states[0].visitor_id == Account.objects.get().visitor_id
