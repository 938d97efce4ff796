"""The admin's sidebar: what each person may open, grouped by what they came to do."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse

#: group title: (item title, icon, "app_model")
NAVIGATION = (
    (
        "Personalize",
        (
            ("Campaigns", "campaign", "personalization_campaign"),
            ("Segments", "workspaces", "personalization_segment"),
            ("Slots", "view_quilt", "personalization_slot"),
            ("Variants", "style", "personalization_variant"),
            ("Exclusion groups", "join_inner", "personalization_exclusiongroup"),
            ("Test profiles", "face", "personalization_testprofile"),
            ("Pressure budget", "speed", "personalization_pressurebudget"),
            ("Published versions", "history", "personalization_ruleset"),
        ),
    ),
    (
        "Content",
        (
            ("Content items", "article", "personalization_contentitem"),
            ("Categories", "category", "personalization_category"),
        ),
    ),
    (
        "Understand",
        (
            ("Visitors", "group", "profiles_profile"),
            ("Event types", "balance", "tracking_eventtype"),
            ("Site baseline", "equalizer", "profiles_baseline"),
            ("Declared features", "data_object", "profiles_declaredfeature"),
        ),
    ),
    (
        "Operate",
        (
            ("Imports", "upload_file", "tracking_importrun"),
            ("Quarantine", "report", "tracking_quarantine"),
            ("Replays", "replay", "tracking_quarantinereplay"),
            ("Cleaning counts", "cleaning_services", "tracking_dropcount"),
            ("Outliers", "monitoring", "tracking_outlier"),
            ("Self-checks", "fact_check", "profiles_selfcheck"),
            ("Rule readers", "rule", "personalization_readercheck"),
            ("Rebuilds", "autorenew", "profiles_rebuild"),
            ("Inbox", "inbox", "tracking_inbox"),
            ("Retention", "auto_delete", "tracking_retentionrun"),
            ("Consent decisions", "gavel", "consent_consentdecision"),
            ("Purposes", "privacy_tip", "consent_purpose"),
            ("Users", "person", "auth_user"),
            ("Groups", "groups", "auth_group"),
        ),
    ),
)


def admin_navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of NAVIGATION with the items this person may view."""
    groups: list[dict[str, Any]] = []
    for title, items in NAVIGATION:
        allowed = [
            {"title": name, "icon": icon, "link": reverse(f"admin:{model}_changelist")}
            for name, icon, model in items
            if _may_view(request, *model.split("_", 1))
        ]
        if allowed:
            groups.append({"title": title, "separator": bool(groups), "items": allowed})
    return groups


def _may_view(request: HttpRequest, app: str, model: str) -> bool:
    model_admin = admin.site.get_model_admin(apps.get_model(app, model))
    return bool(model_admin.has_view_permission(request))
