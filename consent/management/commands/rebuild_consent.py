"""`manage.py rebuild_consent`: what holds for every visitor anew from the recorded decisions."""

from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand

from consent import services
from consent.models import ConsentDecision


class Command(BaseCommand):
    help = (
        "Recompute what holds for each visitor id from its decisions. Safe while everything runs."
    )

    def handle(self, **options: Any) -> None:
        ids = ConsentDecision.objects.order_by("visitor_id").values_list("visitor_id", flat=True)
        rest, changed = ids.distinct().iterator(), 0
        while page := list(islice(rest, services.BATCH)):
            changed += services.effective_rebuild(visitor_ids=page)
        self.stdout.write(f"{changed:,} visitor ids differed from their decisions.")
