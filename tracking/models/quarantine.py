"""Imports, and what could not be used."""

from django.db import models
from django.db.models import Q
from django.utils import timezone


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
