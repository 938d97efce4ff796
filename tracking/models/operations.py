"""Counters, cursors, and what periodic jobs have done."""

from django.db import models
from django.db.models import Q
from django.utils import timezone


class DropCount(models.Model):
    """How many events or requests were refused or changed, by day and named reason.

    Without what still waits in DropIncrement: tracking.counters reads both.
    """

    day = models.DateField()
    reason = models.CharField(max_length=40)
    source = models.CharField(max_length=60)
    count = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-day", "reason")
        constraints = (
            models.UniqueConstraint(fields=("day", "reason", "source"), name="dropcount_key"),
        )
        verbose_name = "cleaning count"

    def __str__(self) -> str:
        return f"{self.day} {self.reason}: {self.count}"


class DropIncrement(models.Model):
    """A refusal not yet added to its DropCount: counting appends, so that nobody waits."""

    day = models.DateField()
    reason = models.CharField(max_length=40)
    source = models.CharField(max_length=60)
    count = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.day} {self.reason}: {self.count:+}"


class ActivityCount(models.Model):
    """How many events of a type happened in an hour, by the campaign they answer ("" for none).

    Without bots' events, and without what `ActivityCursor` has not come to yet.
    """

    hour = models.DateTimeField()
    type = models.CharField(max_length=40)
    campaign = models.CharField(max_length=9, blank=True)
    count = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("hour", "type", "campaign"), name="activitycount_key"),
        )

    def __str__(self) -> str:
        return f"{self.hour:%F %H}h {self.type}: {self.count}"


class ActivityCursor(models.Model):
    """The last event sequence number of a shard that is in ActivityCount."""

    shard = models.PositiveSmallIntegerField(primary_key=True)
    seq = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"Shard {self.shard}: {self.seq}"


class SweepCursor(models.Model):
    """Up to when a periodic job has looked."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.at:%F %T}"


class VisitorMerge(models.Model):
    """A retired visitor id whose events are to become its successor's; kept for a while when done.

    Whose they become is what `consent` says when it is done: `into_id` is what was heard.
    """

    from_id = models.UUIDField(primary_key=True)
    into_id = models.UUIDField(db_index=True)
    heard_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True)

    class Meta:
        indexes = (
            models.Index(fields=("heard_at",), name="merge_waiting", condition=Q(done_at=None)),
        )

    def __str__(self) -> str:
        return f"merge of {self.heard_at:%F %T}"


class RetentionRun(models.Model):
    """One night's deletion of what has been kept long enough (tracking.retention).

    `stage`, `place_table` and `place_block` say how far it has come; `note` what is in its way.
    """

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    partitions_dropped = models.PositiveIntegerField("months dropped", default=0)
    events_deleted = models.BigIntegerField(default=0)
    visits_deleted = models.BigIntegerField(default=0)
    visitors_deleted = models.BigIntegerField("visitors forgotten", default=0)
    quarantine_deleted = models.BigIntegerField("quarantined deleted", default=0)
    note = models.CharField(max_length=200, blank=True)
    stage = models.PositiveSmallIntegerField(default=0)
    place_table = models.CharField(max_length=63, blank=True)
    place_block = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-started_at",)
        verbose_name = "retention run"

    def __str__(self) -> str:
        return f"{self.started_at:%F %T}"
