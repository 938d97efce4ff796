"""`{% slot %}`: what is the same for all visitors is rendered once, what differs for each."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.core.cache import cache
from django.template import engines
from django.test import RequestFactory
from django.test.signals import template_rendered
from django.utils import translation

from consent.cookies import COOKIE_NAME, cookie_value
from personalization.models import Slot, Variant
from personalization.services import ruleset_publish
from personalization.visitor import Visitor
from tests.personalization.admin_site import Site
from tests.personalization.publishing import campaigns_publish
from tests.tracking.people import ana_make, drain, event_make, inbox_put

pytestmark = pytest.mark.django_db

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148"
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0"
CAME = {"condition": "visits", "operator": ">=", "value": 1}
BODY = "personalization/slots/_variant.html"


@pytest.fixture(autouse=True)
def _published(site: Site) -> None:
    default = Variant.objects.create(name="Default", headline="Welcome")
    Slot.objects.update(default=default)
    rule = {"any": [{"condition": "device", "value": "phone"}, CAME]}
    campaigns_publish(type(site.campaign).objects.filter(pk=site.campaign.pk), rule=rule)


def reader() -> UUID:
    bea = ana_make()
    inbox_put(bea, [event_make(category="gardening")])
    drain(bea)
    return bea


def page(visitor_id: UUID | None, agent: str = DESKTOP) -> str:
    request: Any = RequestFactory().get("/", headers={"user-agent": agent})
    if visitor_id is not None:
        request.COOKIES[COOKIE_NAME] = cookie_value(visitor_id, datetime.now(UTC))
    request.visitor = Visitor(request)
    return engines["django"].from_string("{% slot 'hero' %}").render({}, request)


def bodies_rendered(visitor_id: UUID | None, agent: str = DESKTOP) -> list[str]:
    """The templates of slots' bodies that a page renders."""
    names: list[str] = []

    def note(template: Any, **kwargs: Any) -> None:
        names.append(template.name)

    template_rendered.connect(note)
    try:
        page(visitor_id, agent)
    finally:
        template_rendered.disconnect(note)
    return [name for name in names if name == BODY]


def test_a_body_is_rendered_once_and_the_reasons_for_each_visitor() -> None:
    ana, bea = ana_make(), reader()
    first, second = page(ana, PHONE), page(bea)
    assert "Dig in" in first
    assert "Dig in" in second
    assert "phone" in first[first.index("<details") :]
    assert "phone" not in second
    assert bodies_rendered(ana, PHONE) == bodies_rendered(bea) == []


def test_nobody_is_shown_what_another_matches() -> None:
    ana = ana_make()
    assert ["Dig in" in page(ana, PHONE), "Dig in" in page(ana), "Dig in" in page(None, PHONE)] == [
        True,
        False,
        False,
    ]
    assert "Welcome" in page(None)


def test_a_new_version_is_rendered_anew(site: Site) -> None:
    ana = ana_make()
    assert "Dig in" in page(ana, PHONE)
    Variant.objects.filter(pk=site.variant.pk).update(headline="Dig deeper")
    ruleset_publish(by="test")
    cache.clear()  # as the commit would
    assert bodies_rendered(ana, PHONE) == [BODY]
    assert "Dig deeper" in page(ana, PHONE)


def test_each_language_has_a_body_of_its_own() -> None:
    ana = ana_make()
    page(ana, PHONE)
    with translation.override("de"):
        assert bodies_rendered(ana, PHONE) == [BODY]
        assert bodies_rendered(ana, PHONE) == []


def test_a_developer_sees_a_changed_template_at_once(settings: Any) -> None:
    settings.DEBUG = True
    ana = ana_make()
    page(ana, PHONE)
    assert bodies_rendered(ana, PHONE) == [BODY]
