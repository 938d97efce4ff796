"""A small site with people who may open its admin."""

from typing import Any

from django.contrib.auth.models import User
from django.test import Client

from personalization.models import Campaign, Category, ContentItem, Slot, Variant
from personalization.services import editor_group_ensure, marketer_group_ensure
from tests.personalization.publishing import campaigns_publish

RULE = {"all": [{"condition": "device", "value": "phone"}]}


class Site:
    """One category, item, slot, variant and campaign, published."""

    def __init__(self) -> None:
        self.category = Category.objects.create(slug="gardening", name="Gardening")
        self.item = ContentItem.objects.create(
            slug="beds", title="Beds", category=self.category, content_type="article"
        )
        self.variant = Variant.objects.create(
            name="Garden", headline="Dig in", items=Variant.Items.INTEREST
        )
        self.slot = Slot.objects.create(key="hero", name="Hero", default=self.variant)
        self.campaign = Campaign.objects.create(
            name="Gardeners", slot=self.slot, variant=self.variant, rule=RULE
        )
        self.version = campaigns_publish(Campaign.objects.all())
        self.campaign.refresh_from_db()

    def posted(self, **changed: Any) -> dict[str, Any]:
        """The campaign's form as a browser posts it."""
        return {
            "name": "Gardeners",
            "slot": self.slot.pk,
            "variant": self.variant.pk,
            "zone": "UTC",
            "seen": Campaign.objects.get(pk=self.campaign.pk).revision,
            "priority": "50",
            "rule.kind": "all",
            "rule.0.condition": "device",
            "rule.0.value": "phone",
        } | {name.replace("__", "."): value for name, value in changed.items()}


def client_of(
    name: str, *, group: bool = False, editor: bool = False, superuser: bool = False
) -> Client:
    """A client logged in as a member of the staff: of the group Marketer, Editor, or none."""
    user = User.objects.create_user(name, is_staff=True, is_superuser=superuser)
    if group:
        user.groups.add(marketer_group_ensure())
    if editor:
        user.groups.add(editor_group_ensure())
    client = Client()
    client.force_login(user)
    return client
