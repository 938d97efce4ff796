"""What happened: the inbox, the events, and what a drain must know of a visitor's past.

`Inbox` and `Event` are written by COPY and read by cursor (tracking/store.py, tracking/columns.py);
the models are for migrations, the admin and tests. `Event` is partitioned by month of
`occurred_at`; its table is made by the SQL of migration 0002.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone


class Shard(models.Model):
    """One of SHARDS queues of visitors; locking the row is owning the shard."""

    id = models.PositiveSmallIntegerField(primary_key=True)
    last_seq = models.BigIntegerField(default=0, help_text="The last sequence number given.")

    def __str__(self) -> str:
        return f"Shard {self.id}"


class Inbox(models.Model):
    """An accepted request, exactly as it came, until a worker has drained it."""

    shard = models.PositiveSmallIntegerField()
    visitor_id = models.UUIDField(null=True, help_text="Empty: each event names its visitor.")
    source = models.CharField(max_length=60, default="tracker")
    basis = models.CharField(max_length=120, help_text="Purposes granted on receipt.")
    device = models.CharField(max_length=8, blank=True)
    is_bot = models.BooleanField(default=False)
    skew_ms = models.BigIntegerField(default=0, help_text="Added to the client's clock.")
    received_at = models.DateTimeField(default=timezone.now)
    payload = models.BinaryField(help_text="A JSON list of events.")

    class Meta:
        indexes = (
            models.Index(fields=("shard", "id"), name="inbox_shard_id"),
            # What an erasure looks for.
            models.Index(
                fields=("visitor_id",),
                name="inbox_visitor",
                condition=Q(visitor_id__isnull=False),
            ),
        )
        verbose_name = "request in the inbox"
        verbose_name_plural = "inbox"

    def __str__(self) -> str:
        return f"{self.source} {self.received_at:%F %T}"


class Event(models.Model):
    """One consented, timestamped action; for cumulative types, one *increase* of it.

    A later, larger report of the same page view is the same `id` with the next `part`, whose
    `value` is the increase. Rows are only ever added, so a fold that reads each row once and
    a rebuild that reads all of them add up to the same profile.

    `value` is what was reported; `amount`, in the signal's unit, is what profiles count of it:
    1 for a plain event, less than `value` for an outlier, which `outlier` names. `reported_at` is
    the time on the client's clock. `repeats` counts the rapid repeats folded into the event.
    `medium` is the kind of place the visitor came from.
    """

    pk = models.CompositePrimaryKey("visitor_id", "id", "part", "occurred_at")
    visitor_id = models.UUIDField()
    id = models.UUIDField()
    part = models.PositiveSmallIntegerField(default=0)
    occurred_at = models.DateTimeField()
    reported_at = models.DateTimeField()
    received_at = models.DateTimeField()
    shard = models.PositiveSmallIntegerField()
    seq = models.BigIntegerField()
    type = models.CharField(max_length=40)
    visit_id = models.UUIDField(null=True)
    view_id = models.UUIDField(null=True)
    starts_visit = models.BooleanField(default=False)
    is_bot = models.BooleanField(default=False)
    basis = models.CharField(max_length=120)
    source = models.CharField(max_length=60)
    device = models.CharField(max_length=8)
    path = models.TextField()
    referrer_host = models.TextField()
    item = models.TextField()
    category = models.TextField()
    content_type = models.TextField()
    value = models.FloatField(null=True)
    amount = models.FloatField(default=1.0)
    outlier = models.CharField(max_length=12, blank=True)
    repeats = models.PositiveSmallIntegerField(default=0)
    medium = models.CharField(max_length=10, blank=True)
    properties = models.JSONField(null=True)

    class Meta:
        managed = False
        db_table = "tracking_event"

    def __str__(self) -> str:
        return f"{self.type} {self.occurred_at:%F %T}"


class Visitor(models.Model):
    """The months in which a visitor has events: where to look for an id (tracking.history)."""

    visitor_id = models.UUIDField(primary_key=True)
    months = ArrayField(models.IntegerField(), help_text="Each year × 12 + month − 1, UTC.")

    def __str__(self) -> str:
        return str(self.visitor_id)


class Visit(models.Model):
    """A bounded run of one visitor's events; a row is made by the first event of the visit.

    `root` is what its client calls it: where that went on too long, several visits have one root.
    Events that name no visit have the visitor's id for it.
    """

    pk = models.CompositePrimaryKey("visitor_id", "id")
    visitor_id = models.UUIDField()
    id = models.UUIDField()
    root = models.UUIDField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    state = models.JSONField(default=dict, db_default={}, help_text="What cleaning remembers.")

    class Meta:
        indexes = (
            models.Index(fields=("visitor_id", "root", "started_at"), name="visit_of_a_root"),
        )

    def __str__(self) -> str:
        return f"{self.started_at:%F %T}"
