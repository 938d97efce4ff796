"""What no worker could drain, before the people who mend it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.tracking.people import ana_make, drain, event_make, inbox_put
from tracking import store
from tracking.models import Inbox

pytestmark = pytest.mark.django_db
INBOX = "admin:tracking_inbox_changelist"


def test_a_request_set_aside_is_shown_and_can_be_tried_again(admin_client: Client) -> None:
    ana = ana_make()
    inbox_put(ana, [event_make(path="/a")])
    row = Inbox.objects.get()
    store.inbox_set_aside(row.pk, why="ValueError('no')")
    assert drain(ana) == 0
    assert "ValueError" in admin_client.get(reverse(INBOX)).content.decode()
    page = admin_client.get(reverse("admin:tracking_inbox_change", args=(row.pk,)))
    assert "/a" in page.content.decode()
    admin_client.post(reverse(INBOX), {"action": "try_again", "_selected_action": [row.pk]})
    assert drain(ana) == 1


def test_trying_again_is_for_those_who_may_do_everything(
    client: Client, django_user_model: Any
) -> None:
    client.force_login(django_user_model.objects.create_user("ben", is_staff=True))
    assert client.get(reverse(INBOX)).status_code == 403
