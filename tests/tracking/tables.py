"""Emptying what tests stored, fast, leaving what migrations seeded."""

from django.db import connection

TABLES = (
    "tracking_event", "tracking_inbox", "tracking_visit", "tracking_dropcount",
    "tracking_quarantine", "tracking_visitor", "tracking_bin", "tracking_fence",
    "tracking_importrun", "tracking_sweepcursor", "profiles_profile",
    "profiles_foldcursor",
    "profiles_definition", "profiles_rebuild", "profiles_rebuildshard",
    "consent_effectiveconsent", "consent_consentdecision",
    "consent_accountbrowser", "consent_account", "tracking_visitormerge",
    "tracking_dropincrement", "tracking_retentionrun",
)  # fmt: skip


def tables_empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(TABLES)}")
        cursor.execute("UPDATE tracking_shard SET last_seq = 0")
