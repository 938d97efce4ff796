"""Emptying what tests stored, fast, leaving what migrations seeded."""

from django.db import connection

TABLES = (
    "tracking_event", "tracking_inbox", "tracking_visit", "tracking_dropcount",
    "tracking_dropincrement", "tracking_quarantine", "tracking_importrun", "tracking_sweepcursor",
    "tracking_retentionrun",
    "profiles_profile",
    "profiles_foldcursor", "consent_effectiveconsent", "consent_consentdecision",
)  # fmt: skip


def tables_empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(TABLES)}")
        cursor.execute("UPDATE tracking_shard SET last_seq = 0")
