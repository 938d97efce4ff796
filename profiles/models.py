"""What a visitor's events add up to: one row a visitor, how far each shard is folded, and what
the site's visitors add up to; and whether a sample of it all holds."""

from django.db import models


class Profile(models.Model):
    """A visitor's folded events; `state` is profiles.state.State as JSON."""

    visitor_id = models.UUIDField(primary_key=True)
    shard = models.PositiveSmallIntegerField()
    state = models.JSONField()
    last_event_at = models.DateTimeField(db_index=True)
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ("-last_event_at",)
        verbose_name = "visitor"

    def __str__(self) -> str:
        return f"Visitor {str(self.visitor_id)[:8]}"


class FoldCursor(models.Model):
    """The last event sequence number of a shard that is in its profiles."""

    shard = models.PositiveSmallIntegerField(primary_key=True)
    seq = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"Shard {self.shard}: {self.seq}"


class Baseline(models.Model):
    """One computation of the site's baseline (profiles.baseline); the latest is current."""

    computed_at = models.DateTimeField()
    n = models.PositiveIntegerField("visitors", help_text="How many it was computed from.")
    quantiles = models.JSONField(
        default=dict, help_text="Of each measure, its values at 0, 1, … 100 % of the visitors."
    )
    daily_means = models.JSONField(default=dict, help_text="What a visitor does on an average day.")
    shares = models.JSONField(
        default=dict, help_text="Each category's part of all affinity, 0 to 1."
    )

    class Meta:
        ordering = ("-id",)
        verbose_name = "site baseline"

    def __str__(self) -> str:
        return f"Baseline of {self.computed_at:%F %H:%M}"


class SelfCheck(models.Model):
    """One comparison of a sample of profiles with their events (profiles.selfcheck).

    `differences` lists {"visitor": the beginning of an id, "text": what differs} of the first.
    """

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    checked = models.PositiveIntegerField(default=0)
    differing = models.PositiveIntegerField(default=0)
    differences = models.JSONField(default=list)
    rebuilt_at = models.DateTimeField(null=True, help_text="When the visitors named were rebuilt.")

    class Meta:
        ordering = ("-id",)
        verbose_name = "self-check"

    def __str__(self) -> str:
        return f"{self.checked:,} checked, {self.differing:,} differ"

    @property
    def is_open(self) -> bool:
        """Whether something differs that nobody has rebuilt."""
        return self.differing > (len(self.differences) if self.rebuilt_at else 0)
