"""What a visitor's events add up to: one row a visitor, and how far each shard is folded."""

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
