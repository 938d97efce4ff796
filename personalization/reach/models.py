"""Profiles laid out for counting, how far that has come, and what comparing readers found."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from consent.nightly import NightlyCheck


class ProjectedProfile(models.Model):
    """One visitor's row (personalization.reach.projected.Projected).

    PostgreSQL deletes it with the visitor's profile, in the same statement (ON DELETE CASCADE):
    whatever erases a profile has erased this. `basis` is the ProjectionBasis it was made by.
    """

    visitor_id = models.UUIDField(primary_key=True)
    basis = models.BigIntegerField(db_index=True)
    definition = models.PositiveIntegerField(db_index=True)
    is_plain = models.BooleanField()
    first_ms = models.BigIntegerField(null=True, db_index=True)
    last_ms = models.BigIntegerField(null=True, db_index=True)
    visits = models.IntegerField(db_index=True)
    start_ms = models.BigIntegerField(null=True)
    gap_days = models.FloatField(null=True)
    consistency = models.FloatField(null=True)
    engagement = models.FloatField(null=True, db_index=True)
    velocity = models.FloatField(null=True)
    content_type = models.TextField(blank=True)
    page_run = models.SmallIntegerField()
    categories = ArrayField(models.TextField())
    longs = ArrayField(models.FloatField())
    shorts = ArrayField(models.FloatField())
    evidence = ArrayField(models.IntegerField())
    long_total = models.FloatField(null=True)
    short_total = models.FloatField(null=True)
    did = ArrayField(models.TextField())
    told = models.JSONField()

    class Meta:
        indexes = (
            GinIndex(fields=["categories"], name="projected_categories"),
            GinIndex(fields=["did"], name="projected_did"),
            models.Index(
                fields=["visitor_id"],
                name="projected_not_plain",
                condition=models.Q(is_plain=False),
            ),
        )

    def __str__(self) -> str:
        return f"Visitor {str(self.visitor_id)[:8]}"


class ProjectionCursor(models.Model):
    """How far a shard's profiles are projected, by `basis`: those written up to `at`, and of that
    very moment up to `visitor_id`."""

    shard = models.PositiveSmallIntegerField(primary_key=True)
    basis = models.BigIntegerField(default=0)
    at = models.DateTimeField(null=True)
    visitor_id = models.UUIDField(null=True)
    done = models.BigIntegerField(default=0, help_text="Rows written by this basis.")

    def __str__(self) -> str:
        return f"Shard {self.shard}: {self.at}"


class ReaderCheck(NightlyCheck):
    """One comparison of two readers of the rule language on live data (reach.comparing)."""

    reader = models.CharField(max_length=20, help_text="What was compared with memory.")

    class Meta(NightlyCheck.Meta):
        verbose_name = "check of rule readers"
        verbose_name_plural = "checks of rule readers"
