"""The lists of what only workers make: each says what it is, and what it means that it is empty."""

from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from tests.personalization.admin_site import Site

#: The lists whose own head says it.
OWN_HEAD = {"outlier", "quarantine", "profile"}
LISTS: dict[str, tuple[str, Any]] = {
    str(model._meta.model_name): (reverse_name, registered)
    for model, registered in admin.site._registry.items()
    if (reverse_name := f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    and getattr(registered, "empty", None) is not None
    and hasattr(registered, "explanation")
}


def test_there_are_lists_that_only_workers_fill() -> None:
    assert {"outlier", "quarantine", "rebuild", "selfcheck", "retentionrun"} <= LISTS.keys()


@pytest.mark.parametrize("name", sorted(LISTS))
def test_an_empty_list_says_what_it_means(site: Site, superuser: Client, name: str) -> None:
    url, registered = LISTS[name]
    assert not registered.model._default_manager.exists()
    page = superuser.get(reverse(url)).content.decode()
    assert registered.empty
    assert registered.empty in page
    assert "Create a new item" not in page
    assert name in OWN_HEAD or (registered.explanation and registered.explanation in page)


def test_a_search_without_a_hit_leads_back_to_all(site: Site, superuser: Client) -> None:
    page = superuser.get(reverse("admin:tracking_quarantine_changelist"), {"q": "nowhere"})
    assert "Nothing matches" in page.content.decode()
