"""Profiles laid out for counting, how far that has come, and what comparing readers found."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from consent.nightly import NightlyCheck


class ProjectedProfile(models.Model):
    """One visitor's row (personalization.reach.projected.Projected).

    PostgreSQL deletes it with the visitor's profile, in the same statement (ON DELETE CASCADE):
    whatever erases a profile has erased this. `basis` is what it was made by
    (personalization.reach.projecting.basis_of); `allowed_until` is when the grant of
    personalization lapses, None where there is none, and holds unless a ConsentChange names the
    visitor.
    """

    visitor_id = models.UUIDField(primary_key=True)
    basis = models.BigIntegerField()
    allowed_until = models.DateTimeField(null=True)
    visits = models.IntegerField(db_index=True)
    definition = models.PositiveIntegerField(db_index=True)
    last_ms = models.BigIntegerField(null=True, db_index=True)
    engagement = models.FloatField(null=True, db_index=True)
    first_ms = models.BigIntegerField(null=True, db_index=True)
    start_ms = models.BigIntegerField(null=True)
    page_ms = models.BigIntegerField(null=True)
    gap_days = models.FloatField(null=True)
    consistency = models.FloatField(null=True)
    velocity = models.FloatField(null=True)
    long_total = models.FloatField(null=True)
    short_total = models.FloatField(null=True)
    page_run = models.SmallIntegerField()
    is_plain = models.BooleanField()
    content_type = models.TextField(blank=True)
    categories = ArrayField(models.BigIntegerField())
    longs = ArrayField(models.FloatField())
    did = ArrayField(models.BigIntegerField())
    begins = ArrayField(models.IntegerField())
    times = ArrayField(models.IntegerField())
    shorts = ArrayField(models.FloatField())
    evidence = ArrayField(models.IntegerField())
    told = models.JSONField()

    class Meta:
        indexes = (
            GinIndex(fields=["categories"], name="projected_categories"),
            GinIndex(fields=["did"], name="projected_did"),
            # Everybody who allows personalization is counted from the index alone.
            models.Index(fields=["basis", "allowed_until"], name="projected_allowed"),
            models.Index(
                fields=["visitor_id"],
                name="projected_not_plain",
                condition=models.Q(is_plain=False),
            ),
        )

    def __str__(self) -> str:
        return f"Visitor {str(self.visitor_id)[:8]}"


class ConsentChange(models.Model):
    """A visitor whose consent changed since `allowed_until` of their row was written.

    PostgreSQL adds it in the transaction that changes the consent, whoever does that and how: a
    trigger on consent's table. Until it is worked off, a count asks that visitor's consent record.
    Rows are only added and deleted, so a withdrawal waits for no worker.
    """

    visitor_id = models.UUIDField(db_index=True)

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
