"""A preview leaves no trace, can do nothing, and is its maker's alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.contrib.auth.models import User
from django.core import signing
from django.db import connection
from django.urls import reverse

from tests.personalization.admin_site import client_of
from tests.personalization.previewed import DRAFTED, draft_made, frames, preview, profile_key

if TYPE_CHECKING:
    import redis
    from django.test import Client

    from personalization.models import Campaign

__all__ = ("draft_made",)
pytestmark = pytest.mark.django_db


# --- Without a trace ------------------------------------------------------------------------------


def everything(server: redis.Redis) -> dict[str, Any]:
    """Every row of every table, counted and summed, and every key of Redis."""
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        rows = {}
        for table in tables:
            if table in ("django_session", "auth_user"):
                continue
            cursor.execute(
                f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY t::text)) FROM \"{table}\" t"
            )
            rows[table] = cursor.fetchone()
    return rows | {key.decode(): server.dump(key) for key in server.scan_iter()}


def test_a_preview_leaves_no_trace(
    draft: Campaign, marketer: Client, redis_server: redis.Redis
) -> None:
    from personalization.models import Campaign
    from tests.personalization.test_admin_visitor import reads
    from tests.tracking.people import ana_make

    Campaign.objects.filter(pk=draft.pk).update(
        rule={"condition": "visits", "operator": ">=", "value": 1}, cap_count=1, cap_length=1
    )
    ana = ana_make()
    reads(ana)
    keys = ("everyone", profile_key("Gardener on a phone"), f"visitor:{ana}")
    for key in keys:  # what is read for the first time is remembered, as on any page of the admin
        for url in frames(preview(marketer, draft.pk, **{"as": key})).values():
            marketer.get(url)  # which waits for its frame, and goes with it
    before = everything(redis_server)
    assert "preview:page:" not in str(before)
    for key in keys:
        page = preview(marketer, draft.pk, **{"as": key})
        for url in frames(page).values():
            frame = marketer.get(url)
            assert frame.status_code == 200
            assert not frame.cookies
            assert "no-store" in frame["Cache-Control"]
            assert (DRAFTED in frame.content.decode()) == (key != "everyone"), "capped at once"
    assert everything(redis_server) == before


def test_what_a_page_writes_while_it_is_previewed_is_undone(
    draft: Campaign, marketer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from demo import views
    from personalization.models import Category

    def writes(*args: Any, **kwargs: Any) -> Any:
        Category.objects.update(description="written by a page")
        return shelves_make(*args, **kwargs)

    shelves_make = views.shelves_make
    monkeypatch.setattr(views, "shelves_make", writes)
    assert len(frames(preview(marketer, draft.pk))) == 2
    assert not Category.objects.filter(description="written by a page").exists()


# --- For its maker alone --------------------------------------------------------------------------


def test_a_frame_can_do_nothing_and_only_our_admin_may_hold_it(
    draft: Campaign, marketer: Client
) -> None:
    frame = marketer.get(frames(preview(marketer, draft.pk))["phone"])
    policy = {
        name: rest
        for name, _, rest in (
            part.partition(" ") for part in frame["Content-Security-Policy"].split("; ")
        )
    }
    assert policy["script-src"] == policy["form-action"] == policy["connect-src"] == "'none'"
    assert policy["frame-src"] == "'none'", "what is in it would be asked for as the marketer"
    assert policy["frame-ancestors"] == "'self'"
    assert "allow-scripts" not in policy["sandbox"]
    assert "allow-forms" not in policy["sandbox"]
    assert frame["X-Frame-Options"] == "SAMEORIGIN"
    assert frame["Referrer-Policy"] == "no-referrer"


def test_a_token_is_refused_to_others_when_it_is_old_and_when_it_was_changed(
    draft: Campaign, marketer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from personalization.preview import tokens

    url = frames(preview(marketer, draft.pk))["phone"]
    assert marketer.get(url).status_code == 200
    other = client_of("otto", group=True)
    assert other.get(url).status_code == 403
    assert "belongs to somebody else" in other.get(url).content.decode()
    again = client_of("again", group=True)
    again.force_login(User.objects.get(username="mara"))
    assert again.get(url).status_code == 403, "another session of the same person"
    token = parse_qs(urlsplit(url).query)["t"][0]
    for wrong in (token[:-2] + "xx", "", "{{7*7}}", signing.dumps({"owner": "me"}, salt="other")):
        refused = marketer.get(f"{reverse('preview_frame')}?{urlencode({'t': wrong})}")
        assert refused.status_code == 403
        assert "no address of a preview" in refused.content.decode()
    import time

    later = time.time() + tokens.LIFE + 1
    monkeypatch.setattr("time.time", lambda: later)
    late = marketer.get(url)
    assert late.status_code == 403
    assert "has expired" in late.content.decode()


def test_strangers_and_staff_without_a_group_see_no_preview(
    draft: Campaign, marketer: Client, client: Client
) -> None:
    page = reverse("preview", args=[draft.pk])
    url = frames(preview(marketer, draft.pk))["phone"]
    form = reverse("admin:campaign_preview_form", args=[draft.pk])
    nobody = client_of("nobody")
    for address in (page, url):
        assert client.get(address)["Location"].startswith("/admin/login/")
        assert nobody.get(address).status_code == 403
    assert client.post(form)["Location"].startswith("/admin/login/")
    assert nobody.post(form).status_code == 403
    assert marketer.get(form).status_code == 405
    assert marketer.post(page).status_code == 405
