"""What a request says to rules: truly there or not, and found out only when it is asked for."""

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Group, User
from django.test import RequestFactory, override_settings
from django.utils.translation import override

from personalization.page import HttpPage, language_preferred
from personalization.rules.context import Context
from personalization.rules.tree import rule_parse
from tests.personalization.examples import context

SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/140.0.0.0 Safari/537.36 Edg/140.0.3485.54"
)


def page(path: str = "/", *, user: Any = None, cookies: str = "", **headers: str) -> HttpPage:
    request = RequestFactory().get(path, headers={**headers, "cookie": cookies})
    request.user = user or AnonymousUser()
    return HttpPage(request)


def holds(asked: HttpPage, rule: dict[str, Any]) -> bool | None:
    return rule_parse(rule).test(Context(now=0.0, request=asked))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"condition": "path", "operator": "matches", "pattern": "/shop/*/"}, True),
        ({"condition": "query", "name": "size", "value": "xl"}, True),
        ({"condition": "query", "name": "empty", "operator": "is_empty"}, True),
        ({"condition": "query", "name": "none", "operator": "is_not_set"}, True),
        ({"condition": "query_number", "name": "price", "operator": "<", "value": 20}, True),
        ({"condition": "query_version", "name": "app", "value": "2.1"}, True),
        ({"condition": "utm", "part": "campaign", "value": "SPRING"}, True),
        ({"condition": "utm", "part": "term", "operator": "is_set"}, False),
        ({"condition": "referrer", "value": "news"}, True),
        ({"condition": "medium", "value": "email"}, True),
        ({"condition": "language", "value": "de"}, True),
        ({"condition": "locale", "value": "en"}, True),
        ({"condition": "device", "value": "phone"}, True),
        ({"condition": "browser", "value": "safari"}, True),
        (
            {"condition": "browser_version", "operator": "between", "value": "18", "to": "18.9"},
            True,
        ),
        ({"condition": "bot", "value": "no"}, True),
        ({"condition": "authenticated", "value": "no"}, True),
        ({"condition": "page_type", "operator": "is_not_set"}, True),
        ({"condition": "page_tags", "operator": "is_unknown"}, True),
    ],
)
def test_a_request_is_asked_for_what_it_says(rule: dict[str, Any], expected: bool) -> None:
    asked = page(
        "/shop/beds/?size=XL&empty=&price=12.5&app=2.1.0&utm_campaign=spring&utm_medium=newsletter",
        referer="https://www.news.example/today?secret=1",
        accept_language="en;q=0.5, de-AT, *;q=0.1",
        user_agent=SAFARI,
    )
    assert holds(asked, rule) is expected


def test_nothing_is_found_out_before_a_rule_asks() -> None:
    asked = page("/?utm_campaign=x", user_agent=SAFARI)
    given = {"_request", "path", "page_category", "page_type", "page_tags", "page_item"}
    assert set(vars(asked)) == given
    holds(asked, {"condition": "device", "value": "phone"})
    assert set(vars(asked)) == {*given, "device"}


@pytest.mark.parametrize(
    ("headers", "medium"),
    [
        ({}, "direct"),
        ({"referer": "https://www.google.com/"}, "search"),
        ({"referer": "https://shop.example/"}, "internal"),
        ({"referer": "https://else.example/"}, "referral"),
        ({"referer": "http://[broken"}, "direct"),
    ],
)
@override_settings(ALLOWED_HOSTS=["testserver", "shop.example"])
def test_the_medium_is_the_one_tracking_tells(headers: dict[str, str], medium: str) -> None:
    assert page("/", **headers).medium == medium
    assert page("/?gclid=1", **headers).medium == "paid"


def test_a_browser_that_names_others_is_what_it_is() -> None:
    asked = page("/", user_agent=EDGE)
    assert (asked.browser, asked.browser_version) == ("edge", "140.0.3485.54")
    assert holds(asked, {"condition": "browser_version", "value": "140"}) is True
    strange = page("/", user_agent="Mozilla/5.0 Chrome/" + "9" * 300)
    assert holds(strange, {"condition": "browser_version", "value": "1"}) is None


def test_who_has_no_session_is_not_looked_for(db: None, django_assert_num_queries: Any) -> None:
    member = User(username="mara")
    with django_assert_num_queries(0):
        assert page("/", user=member).authenticated == "no"
        assert page("/", user=member, cookies="sessionid=x").authenticated == "yes"
        assert page("/", cookies="sessionid=x").authenticated == "no"


def test_roles_are_being_staff_and_the_groups(db: None, django_assert_num_queries: Any) -> None:
    mara = User.objects.create_user("mara", is_staff=True)
    mara.groups.add(Group.objects.create(name="Buyers"))
    editors = {"condition": "role", "operator": "any_of", "values": ["buyers"]}
    signed_in = page("/", user=mara, cookies="sessionid=x")
    with django_assert_num_queries(1):
        assert signed_in.roles == ("staff", "Buyers")
        assert holds(signed_in, editors) is True
    with django_assert_num_queries(0):
        for nobody in (page("/", user=mara), page("/", cookies="sessionid=x")):
            assert nobody.roles == ()
            assert holds(nobody, editors) is False


@pytest.mark.parametrize(
    ("said", "country"),
    [("AT", "AT"), ("at", "AT"), ("XX", None), ("T1", None), ("", None), ("Austria", None),
     ("A" * 9000, None)],
)  # fmt: skip
def test_the_country_is_what_a_server_in_front_says(said: str, country: str | None) -> None:
    request = RequestFactory().get("/", headers={"cf-ipcountry": said, "x-region": "Tirol"})
    assert HttpPage(request).country is None, "no header is believed that no setting names"
    with override_settings(COUNTRY_HEADER="CF-IPCountry", REGION_HEADER="X-Region"):
        asked = HttpPage(request)
        assert (asked.country, asked.region) == (country, "Tirol")
        rule = {"condition": "country", "value": "AT"}
        assert rule_parse(rule).test(context(request=asked)) is (country and True)
        assert rule_parse(rule).test(context(request=asked, state=None)) is None, "no consent"


@pytest.mark.parametrize(
    ("width", "viewport"),
    [("360", "narrow"), ("800", "medium"), ("1920", "wide"), ("", None), ("wide", None),
     ("-1", None), ("9" * 300, None), ("٣٢٠", None)],
)  # fmt: skip
def test_the_width_is_what_the_browser_tells_and_else_unknown(
    width: str, viewport: str | None
) -> None:
    request = RequestFactory().get("/", headers={"sec-ch-viewport-width": width})
    asked = HttpPage(request)
    assert asked.viewport == viewport
    rule = {"condition": "viewport", "value": "narrow"}
    assert holds(asked, rule) is (None if viewport is None else viewport == "narrow")


def test_the_locale_is_the_language_of_the_page() -> None:
    with override("de"):
        assert page("/").locale == "de"


@pytest.mark.parametrize(
    ("header", "language"),
    [("", ""), ("en-GB", "en-GB"), ("de;q=0, en", "en"), ("fr;q=x", ""), ("a;q=nan,b", "b"),
     (",,;q=1", ""), ("x" * 10_000, "x" * 500)],
)  # fmt: skip
def test_the_preferred_language_is_read_from_any_header(header: str, language: str) -> None:
    assert language_preferred(header) == language
