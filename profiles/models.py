"""What a visitor's events add up to, how far each shard is folded, and rebuilds; what the site's
visitors add up to; and whether a sample of it all holds."""

from django.db import models
from django.utils import timezone

from consent.nightly import NightlyCheck


class Profile(models.Model):
    """A visitor's folded events; `state` is profiles.state.State as JSON in UTF-8."""

    visitor_id = models.UUIDField(primary_key=True)
    shard = models.PositiveSmallIntegerField()
    state = models.BinaryField()
    last_event_at = models.DateTimeField(db_index=True)
    updated_at = models.DateTimeField()

    class Meta:
        ordering = ("-last_event_at",)
        verbose_name = "visitor"
        indexes = (
            models.Index(fields=("shard", "updated_at", "visitor_id"), name="profile_changed"),
        )

    def __str__(self) -> str:
        return f"Visitor {str(self.visitor_id)[:8]}"


class Definition(models.Model):
    """A version of what profiles hold (profiles.definition); rows are never changed."""

    version = models.PositiveIntegerField(primary_key=True)
    half_lives = models.JSONField(help_text="Signal: short and long half-life in seconds.")
    features = models.JSONField(default=list, help_text="Declared features (docs/features.md).")
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"Definition {self.version}"


class DeclaredFeature(models.Model):
    """A feature that somebody needs: profiles keep it as long as anybody does."""

    needed_by = models.CharField(max_length=100, help_text="Who declared it: a campaign, a model.")
    key = models.CharField(max_length=12)
    document = models.JSONField(help_text="The feature (docs/features.md).")
    declared_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("needed_by", "key")
        constraints = (
            models.UniqueConstraint(fields=("needed_by", "key"), name="declaredfeature_key"),
        )

    def __str__(self) -> str:
        return f"{self.needed_by}: {self.key}"


class FoldCursor(models.Model):
    """The last event sequence number of a shard that is in its profiles.

    New profiles of the shard are made by `definition`.
    """

    shard = models.PositiveSmallIntegerField(primary_key=True)
    seq = models.BigIntegerField(default=0)
    definition = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"Shard {self.shard}: {self.seq}"


class Rebuild(models.Model):
    """All profiles made anew from the stored events; at most one is not finished."""

    reason = models.CharField(max_length=200)
    definition = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-started_at",)
        constraints = (
            models.UniqueConstraint(
                models.Value(1), condition=models.Q(finished_at=None), name="rebuild_one_at_a_time"
            ),
        )

    def __str__(self) -> str:
        return f"{self.started_at:%F %T}: {self.reason}"


class RebuildShard(models.Model):
    """How far a rebuild has come in one shard; moved with the profiles it covers."""

    rebuild = models.ForeignKey(Rebuild, on_delete=models.CASCADE, related_name="shards")
    shard = models.PositiveSmallIntegerField()
    after = models.UUIDField(null=True, help_text="The last visitor whose profile is made.")
    events = models.BigIntegerField(default=0)
    profiles = models.BigIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("rebuild", "shard"), name="rebuildshard_key"),
        )

    def __str__(self) -> str:
        return f"Shard {self.shard}: {self.events} events"


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
        return f"Baseline of {self.computed_at:%-d %b %Y, %H:%M} UTC"


class SelfCheck(NightlyCheck):
    """One comparison of a sample of profiles with their events (profiles.selfcheck)."""

    rebuilt_at = models.DateTimeField(null=True, help_text="When the visitors named were rebuilt.")

    class Meta(NightlyCheck.Meta):
        verbose_name = "self-check"

    @property
    def is_open(self) -> bool:
        """Whether something differs that nobody has rebuilt."""
        return self.differing > (len(self.differences) if self.rebuilt_at else 0)
