"""The tables of what happened: inbox, events, visits, refusals.

`Inbox` and `Event` are written by COPY and read by cursor (tracking/store.py); the models are
for migrations, the admin and tests. `Event` is partitioned by month of `occurred_at`; its table
is made by migration 0001's SQL.
"""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone


class EventType(models.Model):
    """A kind of event, how it counts, and for how much."""

    class Kind(models.TextChoices):
        ACTIVE = "active", "Active: a decisive act"
        PASSIVE = "passive", "Passive: a mere indication"
        NEGATIVE = "negative", "Negative: less of this"

    class Unit(models.TextChoices):
        EVENT = "event", "per event"
        SECOND = "second", "per second"
        DEPTH = "depth", "per full scroll"

    name = models.CharField(max_length=40, primary_key=True)
    label = models.CharField(max_length=60)
    kind = models.CharField(max_length=8, choices=Kind.choices)
    unit = models.CharField(max_length=8, choices=Unit.choices, default=Unit.EVENT)
    weight = models.FloatField(
        validators=[MinValueValidator(0)],
        help_text="How much one unit adds to an affinity. Applies at once to everything already "
        "recorded; nothing stored is altered.",
    )
    value_cap = models.FloatField(
        null=True, blank=True, help_text="The most one page view can report, in units."
    )
    half_life_short = models.FloatField(
        default=1.0,
        validators=[MinValueValidator(0.01)],
        help_text="Days after which an event counts half for what a visitor wants now.",
    )
    half_life_long = models.FloatField(
        default=30.0,
        validators=[MinValueValidator(0.01)],
        help_text="Days after which an event counts half for what a visitor likes.",
    )
    properties = models.JSONField(
        default=dict,
        blank=True,
        help_text="The properties an event of this type may carry, each with its kind of value.",
    )
    repeat_ms = models.PositiveIntegerField(
        default=0,
        help_text="Repeats on the same element within so many milliseconds count once; 0: never.",
    )
    retention_days = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Days until events of this type are deleted; empty: the site's setting.",
    )

    class Meta:
        ordering = ("kind", "-weight")
        verbose_name = "signal weight"

    def __str__(self) -> str:
        return self.label


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
    set_aside = models.CharField(
        max_length=500, blank=True, db_default="", help_text="Why no worker could drain it."
    )

    class Meta:
        indexes = (
            models.Index(fields=("shard", "id"), name="inbox_waiting", condition=Q(set_aside="")),
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


class Visit(models.Model):
    """A bounded run of one visitor's events; a row is made by the first event of the visit."""

    pk = models.CompositePrimaryKey("visitor_id", "id")
    visitor_id = models.UUIDField()
    id = models.UUIDField()
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.started_at:%F %T}"


class DropCount(models.Model):
    """How many events or requests were refused, by day and named reason.

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
        verbose_name = "refusal"

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


class SweepCursor(models.Model):
    """Up to when a periodic job has looked."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}: {self.at:%F %T}"


class RetentionRun(models.Model):
    """One night's deletion of what has been kept long enough (tracking.retention).

    `stage`, `place_table` and `place_block` say how far it has come; `note` what is in its way.
    """

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    partitions_dropped = models.PositiveIntegerField("months dropped", default=0)
    events_deleted = models.BigIntegerField(default=0)
    visits_deleted = models.BigIntegerField(default=0)
    note = models.CharField(max_length=200, blank=True)
    stage = models.PositiveSmallIntegerField(default=0)
    place_table = models.CharField(max_length=63, blank=True)
    place_block = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-started_at",)
        verbose_name = "retention run"

    def __str__(self) -> str:
        return f"{self.started_at:%F %T}"


class ImportRun(models.Model):
    """A file being imported; `line` is how far it has come, moved with the rows it covers."""

    source = models.CharField(max_length=60)
    file_name = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the file.")
    line = models.BigIntegerField(default=0)
    queued = models.BigIntegerField(default=0)
    quarantined = models.BigIntegerField(default=0)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-started_at",)
        verbose_name = "import"

    def __str__(self) -> str:
        return f"{self.source}: {self.file_name}"


class Quarantine(models.Model):
    """An imported line that could not be used, with its number and the reason."""

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="refused")
    line = models.BigIntegerField()
    reason = models.CharField(max_length=40)
    detail = models.CharField(max_length=300, blank=True)
    payload = models.TextField(blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("run", "line"), name="quarantine_run_line"),)
        ordering = ("run", "line")
        verbose_name = "refused line"

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"
