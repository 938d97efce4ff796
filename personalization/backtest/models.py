"""Backtests that were asked for: how far they are, and what came of them."""

from django.db import models
from django.utils import timezone


class Backtest(models.Model):
    """One run. `draft` is what was replayed, as it was saved then (personalization.backtest.plan).

    `result` are numbers that name no visitor; `failed` says why there are none.
    """

    campaign = models.ForeignKey(
        "personalization.Campaign", on_delete=models.CASCADE, related_name="backtests"
    )
    days = models.PositiveSmallIntegerField()
    one_of = models.PositiveSmallIntegerField(default=1, help_text="One visitor of so many.")
    draft = models.JSONField()
    ruleset_version = models.BigIntegerField(help_text="The published rules it competes with.")
    pages = models.JSONField(
        null=True, help_text="Which pages have the slot, empty: all; found out by the first worker."
    )
    events_total = models.BigIntegerField(default=0)
    started_by = models.CharField(max_length=150, blank=True)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    failed = models.CharField(max_length=300, blank=True)
    result = models.JSONField(null=True)

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(
                fields=("id",),
                name="backtest_open",
                condition=models.Q(finished_at=None, cancelled_at=None),
            ),
        )

    def __str__(self) -> str:
        return f"Backtest of {self.started_at:%-d %b %Y, %H:%M} UTC"

    @property
    def is_open(self) -> bool:
        return self.finished_at is None and self.cancelled_at is None


class BacktestShard(models.Model):
    """One shard of a run; a worker that dies leaves it to be done again from its beginning."""

    backtest = models.ForeignKey(Backtest, on_delete=models.CASCADE, related_name="shards")
    shard = models.PositiveSmallIntegerField()
    events = models.BigIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    finished_at = models.DateTimeField(null=True)
    part = models.JSONField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("backtest", "shard"), name="backtestshard_key"),
        )

    def __str__(self) -> str:
        return f"Shard {self.shard}: {self.events} events"


class BacktestSample(models.Model):
    """A visitor to look at: what they did is read from the events when somebody looks."""

    backtest = models.ForeignKey(Backtest, on_delete=models.CASCADE, related_name="samples")
    visitor_id = models.UUIDField()
    seq = models.BigIntegerField(help_text="Of the page view at which the draft first matched.")
    was_given = models.BooleanField()

    class Meta:
        ordering = ("id",)
        indexes = (models.Index(fields=("visitor_id",), name="backtestsample_visitor"),)

    def __str__(self) -> str:
        return str(self.visitor_id)[:8]
