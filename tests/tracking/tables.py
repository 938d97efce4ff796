"""Emptying what tests stored, fast, leaving what migrations seeded."""

from datetime import UTC, datetime

from django.db import connection

from tracking import counters, partitions, selectors, store

TABLES = (
    "tracking_event", "tracking_inbox", "tracking_visit", "tracking_dropcount",
    "tracking_quarantine", "tracking_visitor", "tracking_bin", "tracking_fence",
    "tracking_importrun", "tracking_sweepcursor", "profiles_profile",
    "profiles_foldcursor",
    "profiles_definition", "profiles_rebuild", "profiles_rebuildshard",
    "consent_effectiveconsent", "consent_consentdecision",
    "consent_accountbrowser", "consent_account", "tracking_visitormerge",
    "tracking_dropincrement", "tracking_retentionrun",
    "personalization_projectedprofile", "personalization_projectioncursor",
    "personalization_consentchange",
)  # fmt: skip


def tables_empty(*, but: str = "\0") -> None:
    """Empty them all, `but` those whose names begin so."""
    tables = [table for table in TABLES if not table.startswith(but)]
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(tables)}")
        cursor.execute("UPDATE tracking_shard SET last_seq = 0")


def months_drop() -> None:
    """Drop the months that tests made in the past; not inside a transaction."""
    for partition in partitions.partition_list():
        if partition.end < datetime(2026, 10, 1, tzinfo=UTC):
            partitions.partition_drop(partition)
    store.partitions_forget()


def finding_counts() -> dict[str, int]:
    """How often cleaning changed something without refusing it, by finding, over all days."""
    totals = counters.drop_totals()
    return {reason: count for reason, count in totals.items() if reason in selectors.FINDINGS}
