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


class ImportRun(models.Model):
    """A file being imported; `line` is how far it has come, moved with the rows it covers.

    `mapping`, `columns` and `purposes` are what a refused line needs to be read again.
    """

    source = models.CharField(max_length=60)
    file_name = models.CharField(max_length=200)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the file.")
    line = models.BigIntegerField(default=0)
    queued = models.BigIntegerField(default=0)
    quarantined = models.BigIntegerField(default=0)
    mapping = models.TextField(
        blank=True,
        help_text="What the columns mean. Mend it here, then try the refused lines again; the file "
        "that was given to the command stays as it is.",
    )
    columns = models.JSONField(default=list, help_text="The header of a CSV file.")
    purposes = models.CharField(max_length=120, blank=True, help_text="Attested for its visitors.")
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-started_at",)
        verbose_name = "import"

    def __str__(self) -> str:
        return f"{self.source}: {self.file_name}"


class QuarantineReplay(models.Model):
    """Quarantined rows that are tried again in the background: those that point here.

    Of `total` rows, `done` are in quarantine no longer and `failed` stayed there.
    """

    started_by = models.CharField(max_length=150)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    cancelled = models.BooleanField(default=False)
    total = models.BigIntegerField(default=0)
    done = models.BigIntegerField(default=0)
    failed = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-started_at",)
        verbose_name = "replay"

    def __str__(self) -> str:
        return f"{self.started_at:%F %T} by {self.started_by}"


class Quarantine(models.Model):
    """What could not be used and may be mended: a line of an import, or one event.

    A line's `payload` is the record; of an event it is its JSON, with what the server noted when
    it came (tracking.pipeline.steps.Receipt). Not `whole`: too little was kept to try it again.
    """

    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="refused", null=True)
    line = models.BigIntegerField(null=True)
    visitor_id = models.UUIDField("visitor", null=True)
    source = models.CharField(max_length=60)
    reason = models.CharField(max_length=40)
    detail = models.CharField(max_length=300, blank=True)
    payload = models.TextField(blank=True)
    whole = models.BooleanField("can be tried again", default=True)
    basis = models.CharField(max_length=120, blank=True)
    device = models.CharField(max_length=8, blank=True)
    is_bot = models.BooleanField("from a bot", default=False)
    skew_ms = models.BigIntegerField(default=0)
    received_at = models.DateTimeField("received", default=timezone.now)
    refused_at = models.DateTimeField("refused", default=timezone.now)
    replay = models.ForeignKey(
        QuarantineReplay, on_delete=models.SET_NULL, null=True, related_name="rows", db_index=False
    )

    class Meta:
        constraints = (
            # A line that tells several events is named once; each event set aside is kept.
            models.UniqueConstraint(
                fields=("run", "line"),
                name="quarantine_run_line",
                condition=~Q(reason="unprocessable"),
            ),
        )
        indexes = (
            models.Index(fields=("refused_at",), name="quarantine_refused"),
            # How many of a reason a day already has.
            models.Index(
                fields=("reason", "refused_at"),
                name="quarantine_reason_day",
                condition=Q(run__isnull=True),
            ),
            models.Index(
                fields=("visitor_id",),
                name="quarantine_visitor",
                condition=Q(visitor_id__isnull=False),
            ),
            models.Index(
                fields=("replay", "id"),
                name="quarantine_replay",
                condition=Q(replay__isnull=False),
            ),
        )
        ordering = ("-refused_at", "-id")
        verbose_name = "quarantined row"
        verbose_name_plural = "quarantined rows"

    def __str__(self) -> str:
        return f"{self.source} {self.reason}"

    @property
    def is_line(self) -> bool:
        """Whether the payload is a record of a log, still to be mapped to events."""
        return self.run_id is not None and self.reason != "unprocessable"
