"""What is usual on this site, and events that are not."""

from django.db import models


class Bin(models.Model):
    """One bin of a shard's histogram: of values, or of events in a visit, that are usual."""

    pk = models.CompositePrimaryKey("shard", "type", "content_type", "number")
    shard = models.PositiveSmallIntegerField()
    type = models.CharField(max_length=40)
    content_type = models.CharField(max_length=64)
    number = models.IntegerField(help_text="tracking.pipeline.distribution.bin_of")
    count = models.FloatField(help_text="Fades; of all shards together it counts.")

    def __str__(self) -> str:
        return f"{self.type} {self.content_type} {self.number}: {self.count:g}"


class Fence(models.Model):
    """What is usual of an event type with a content type: values, or events in one visit."""

    type = models.CharField(max_length=40)
    content_type = models.CharField(max_length=64)
    observations = models.FloatField()
    lower_quartile = models.FloatField()
    median = models.FloatField()
    upper_quartile = models.FloatField()
    sigma = models.FloatField(help_text="1.4826 × the median absolute deviation, of log(1 + x).")
    z_score = models.FloatField(help_text="Three sigma above the median.")
    iqr = models.FloatField(help_text="1.5 interquartile ranges above the upper quartile.")
    updated_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("type", "content_type"), name="fence_of_a_kind"),
        )

    def __str__(self) -> str:
        return f"{self.type} {self.content_type}"


class Outlier(models.Model):
    """An event of which not all counts: a view on the event table, for people to review.

    Of a growing value `reported` and `counted` are the sums over its parts; of other events
    `reported` is how many the visit has.
    """

    id = models.BigIntegerField(primary_key=True)
    visitor_id = models.UUIDField()
    event_id = models.UUIDField()
    type = models.CharField(max_length=40)
    content_type = models.CharField(max_length=64)
    item = models.TextField()
    occurred_at = models.DateTimeField()
    why = models.CharField(
        max_length=12,
        choices=(
            ("z_score", "z-score"),
            ("iqr", "interquartile range"),
            ("both", "both"),
            ("accepted", "accepted, counts in full"),
        ),
    )
    unit = models.CharField(max_length=8)
    reported = models.FloatField(null=True)
    counted = models.FloatField()

    class Meta:
        managed = False
        db_table = "tracking_outlier"
        ordering = ("-occurred_at",)

    def __str__(self) -> str:
        return f"{self.type} {self.occurred_at:%F %T}"
