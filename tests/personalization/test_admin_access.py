"""Who may open what: a marketer exactly their pages, staff without a group none, others nothing."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models.signals import post_migrate
from django.test import Client
from django.urls import reverse

from personalization.services import MARKETER_PERMISSIONS, marketer_group_ensure
from tests.personalization.admin_site import Site, client_of

#: What a marketer may do with each model; every other model: nothing.
MARKETER_MAY = {
    "personalization_campaign": {"list", "add"},
    "personalization_slot": {"list", "add"},
    "personalization_variant": {"list", "add"},
    "personalization_contentitem": {"list", "add"},
    "personalization_category": {"list", "add"},
    "personalization_exclusiongroup": {"list", "add"},
    "personalization_pressurebudget": {"list"},
    "personalization_testprofile": {"list", "add"},
    "personalization_ruleset": {"list"},
    "personalization_segment": {"list", "add"},
    "tracking_eventtype": {"list", "add"},
    "profiles_profile": {"list"},
}
PAGES = {"list": "changelist", "add": "add"}
MODELS = sorted(f"{m._meta.app_label}_{m._meta.model_name}" for m in admin.site._registry)
ASKING = [
    "campaign_reach", "campaign_frequency", "variant_body", "weights_preview", "half_lives_fading",
]  # fmt: skip
CAMPAIGNS = "/admin/personalization/campaign"
OTHERS = [
    "/admin/visitors/00000000/",
    f"{CAMPAIGNS}/preview/?variant=1",
    "/admin/preview/1/",
    "/admin/preview/frame/",
    f"{CAMPAIGNS}/calendar/",
    f"{CAMPAIGNS}/import/",
    f"{CAMPAIGNS}/1/export/",
    f"{CAMPAIGNS}/1/step/publish/",
    f"{CAMPAIGNS}/1/rollback/1/",
    "/admin/personalization/segment/1/members/",
]


def test_the_marketers_models_are_registered() -> None:
    assert MARKETER_MAY.keys() <= set(MODELS)


@pytest.mark.parametrize("model", MODELS)
def test_a_marketer_opens_exactly_their_pages(site: Site, marketer: Client, model: str) -> None:
    for page, name in PAGES.items():
        status = marketer.get(reverse(f"admin:{model}_{name}")).status_code
        assert status == (200 if page in MARKETER_MAY.get(model, ()) else 403), (model, page)


@pytest.mark.django_db
def test_an_update_gives_groups_what_they_lack_and_takes_nothing_away() -> None:
    group = marketer_group_ensure()
    extra = Permission.objects.get(codename="view_user")
    kept = Permission.objects.get(codename="change_campaign")
    group.permissions.set([extra, kept])
    app = apps.get_app_config("personalization")
    for plan, count in (([], 2), ([("a migration", False)], len(MARKETER_PERMISSIONS) + 1)):
        post_migrate.send(app, app_config=app, using="default", verbosity=0, plan=plan)
        assert group.permissions.count() == count
    assert extra in group.permissions.all()
    assert not Group.objects.exclude(pk=group.pk).exists(), "none is made"


@pytest.mark.parametrize("model", MODELS)
def test_staff_without_a_group_open_nothing(site: Site, model: str) -> None:
    nobody = client_of("nobody")
    for name in PAGES.values():
        assert nobody.get(reverse(f"admin:{model}_{name}")).status_code == 403
    for url in OTHERS:
        assert nobody.get(url).status_code == 403
    for name in ASKING:
        assert nobody.post(reverse(f"admin:{name}")).status_code == 403


@pytest.mark.parametrize("model", MODELS)
def test_an_operator_opens_every_list(site: Site, superuser: Client, model: str) -> None:
    assert superuser.get(reverse(f"admin:{model}_changelist")).status_code == 200
    assert superuser.get(reverse(f"admin:{model}_add")).status_code in (200, 403)


def test_strangers_are_sent_to_the_login(site: Site, client: Client) -> None:
    urls = [reverse(f"admin:{model}_changelist") for model in MODELS]
    for url in ["/admin/", "/admin/search/?s=a", *urls, *OTHERS]:
        response = client.get(url)
        assert response.status_code == 302
        assert response["Location"].startswith("/admin/login/")
    for name in ASKING:
        assert client.post(reverse(f"admin:{name}")).status_code == 302


def test_an_empty_overview_says_what_to_do(db: None) -> None:
    page = client_of("nobody").get("/admin/").content.decode()
    assert "Ask an administrator" in page
    assert "at-figure" not in page


def test_a_marketer_sees_their_figures_and_pages_only(site: Site, marketer: Client) -> None:
    page = marketer.get("/admin/").content.decode()
    assert "Campaigns" in page
    assert "Cleaning counts" not in page
    assert "Users" not in page
    assert marketer.get("/admin/search/?s=users&extended=1").content.count(b"/auth/user/") == 0
    assert b"/admin/personalization/campaign/" in marketer.get("/admin/search/?s=camp").content


def test_logging_in_leads_to_the_overview(db: None, client: Client) -> None:
    client_of("mara")
    from_form = {"username": "mara", "password": "wrong"}
    assert client.post("/admin/login/", from_form).status_code == 200
    user = marketer_group_ensure().user_set.create(username="mia", is_staff=True)
    user.set_password("a fine long secret")
    user.save()
    right = {"username": "mia", "password": "a fine long secret"}
    assert client.post("/admin/login/", right)["Location"] == "/admin/"


def test_the_group_holds_what_is_written_and_nothing_else(db: None) -> None:
    group = marketer_group_ensure()
    group.permissions.clear()
    held = marketer_group_ensure().permissions.values_list("content_type__app_label", "codename")
    assert {f"{app}.{codename}" for app, codename in held} == set(MARKETER_PERMISSIONS)
