"""The preview says in a sentence what became of the draft, whatever the page looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.personalization.previewed import RULE, draft_made, preview, profile_key
from tests.personalization.publishing import campaigns_publish

if TYPE_CHECKING:
    from django.test import Client

    from personalization.models import Campaign

__all__ = ("draft_made",)
pytestmark = pytest.mark.django_db


def verdict(client: Client, draft: Campaign, name: str = "", **asked: str) -> str:
    page = preview(client, draft.pk, **asked, **({"as": profile_key(name)} if name else {}))
    said = str(page.context_data["verdict"])
    assert said in page.content.decode()
    return said


def test_the_draft_is_said_to_be_shown_or_not_to_match(draft: Campaign, marketer: Client) -> None:
    assert verdict(marketer, draft, "Gardener on a phone") == "The draft is shown."
    said = verdict(marketer, draft, "Cyclist who buys")
    assert said == "The draft is not shown: its rule does not match this visitor."
    said = verdict(marketer, draft)
    assert said.endswith("who has not agreed to personalization gets the default.")


def test_who_comes_first_is_named_also_where_both_show_the_same_variant(
    draft: Campaign, marketer: Client
) -> None:
    from personalization.models import Campaign

    rival = Campaign.objects.create(
        name="Comes first", slot=draft.slot, variant=draft.variant, priority=100, rule=RULE
    )
    simple = {"condition": "visits", "value": 2}
    campaigns_publish(Campaign.objects.filter(pk=rival.pk), rule=simple)
    Campaign.objects.filter(pk=draft.pk).update(priority=10)
    assert verdict(marketer, draft, "Gardener on a phone") == (
        "The draft is not shown: its rule matches, but “Comes first” comes first, "
        "with priority 100."
    )
    Campaign.objects.filter(pk=draft.pk).update(priority=100)
    assert "A tie with “Comes first”" in verdict(marketer, draft, "Gardener on a phone")


def test_the_devices_are_told_apart_where_they_differ(draft: Campaign, marketer: Client) -> None:
    from personalization.models import TestProfile

    TestProfile.objects.filter(name="Gardener on a phone").update(device="")
    said = verdict(marketer, draft, "Gardener on a phone")
    assert said.startswith("On a phone: The draft is shown. On a desktop: The draft is not shown")
