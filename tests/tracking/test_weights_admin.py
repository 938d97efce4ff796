"""Event types are a fixed set for now: people change what they count, not what there is."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tracking import selectors

pytestmark = pytest.mark.django_db


def test_an_event_type_is_neither_added_nor_deleted(admin_client: Client) -> None:
    before = selectors.signal_list()
    for name, args in (("add", ()), ("delete", ("click",))):
        url = reverse(f"admin:tracking_eventtype_{name}", args=args)
        assert admin_client.post(url, {"post": "yes", "name": "x"}).status_code == 403
    listed = reverse("admin:tracking_eventtype_changelist")
    admin_client.post(listed, {"action": "delete_selected", "_selected_action": ["click"]})
    assert selectors.signal_list() == before
