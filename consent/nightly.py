"""What nightly checks have in common: a row for what one found of a sample of visitors.

Every app's, so it stands leftmost, as the list of them in the admin does (consent.readonly).

Visitors who differ are named by the beginning of their ids, and by nothing once they are erased:
also if that happens while a check goes on, which knows them before its row does.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone

from consent import selectors

#: How much of an id names a visitor.
SHORT = 8
KEPT = timedelta(days=365)


class NightlyCheck(models.Model):
    """One check. `differences` lists {"visitor": the beginning of an id, "text": what differs}."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    checked = models.PositiveIntegerField(default=0)
    differing = models.PositiveIntegerField(default=0)
    differences = models.JSONField(default=list)

    class Meta:
        abstract = True
        ordering = ("-id",)

    def __str__(self) -> str:
        verb = "differs" if self.differing == 1 else "differ"
        return f"{self.checked:,} checked, {self.differing:,} {verb}"

    @property
    def is_open(self) -> bool:
        """Whether something differs that nobody has mended."""
        return self.differing > 0


def check_finish(
    check: NightlyCheck, *, checked: int, differing: int, named: Mapping[UUID, str], purpose: str
) -> None:
    """Keep what was found, but for those `named` who do not agree to the purpose any more.

    Whoever withdraws from now on is forgotten by their erasure, which finds the row.
    """
    check.finished_at = timezone.now()
    check.checked, check.differing = checked, differing
    check.differences = [
        {"visitor": str(visitor_id)[:SHORT], "text": text} for visitor_id, text in named.items()
    ]
    check.save(update_fields=["finished_at", "checked", "differing", "differences"])
    granted = selectors.visitors_granted(named, purpose, now=timezone.now()) if named else ()
    for visitor_id in named.keys() - set(granted):
        check_forget(type(check), visitor_id=visitor_id)
    check.refresh_from_db()


def check_forget(checks: type[NightlyCheck], *, visitor_id: UUID) -> None:
    """Name an erased visitor in no check any more; whose id begins alike goes along."""
    short_id = str(visitor_id)[:SHORT]
    named = checks._default_manager.filter(differences__contains=[{"visitor": short_id}])
    with transaction.atomic():
        for check in named.select_for_update().order_by("pk"):
            left = [one for one in check.differences if one["visitor"] != short_id]
            check.differing -= len(check.differences) - len(left)
            check.differences = left
            check.save(update_fields=["differing", "differences"])


def checks_expire(checks: type[NightlyCheck], *, now: datetime) -> None:
    checks._default_manager.filter(started_at__lt=now - KEPT).delete()
