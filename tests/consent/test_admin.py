"""The admin edits what is asked, and only looks at what was answered."""

import pytest
from django.urls import reverse
from django.utils import timezone

from consent import selectors
from consent.models import Purpose
from tests.consent.visitors import BOTH, decide

pytestmark = pytest.mark.django_db


def save(admin_client, **changes):
    purpose = Purpose.objects.get(key="measurement")
    fields = ("title", "description", "collected", "retention", "order")
    data = {name: getattr(purpose, name) for name in fields} | {"is_active": "on"} | changes
    url = reverse("admin:consent_purpose_change", args=[purpose.pk])
    assert admin_client.post(url, data).status_code == 302


def test_a_correction_keeps_grants_and_a_material_change_ends_them(admin_client):
    """E7."""
    visitor_id = decide(None, *BOTH).visitor_id
    save(admin_client, title="Measure the use of the site")
    assert Purpose.objects.get(key="measurement").title == "Measure the use of the site"
    assert selectors.consent_granted(visitor_id, timezone.now()) == set(BOTH)
    save(admin_client, material="on")
    assert Purpose.objects.get(key="measurement").version == 2
    assert selectors.consent_granted(visitor_id, timezone.now()) == frozenset()


def test_key_and_version_cannot_be_edited(admin_client):
    save(admin_client, key="other", version="9")
    assert Purpose.objects.get(key="measurement").version == 1


@pytest.mark.parametrize("model", ["consentdecision", "effectiveconsent", "noticeversion"])
def test_what_visitors_decided_is_read_only(admin_client, model):
    decide(None, *BOTH)
    assert admin_client.get(reverse(f"admin:consent_{model}_changelist")).status_code == 200
    assert admin_client.get(reverse(f"admin:consent_{model}_add")).status_code == 403
