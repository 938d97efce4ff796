"""Segments, who came in and left when, how many there were, and how far the counting is."""

from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

KEY = RegexValidator(r"^[a-z0-9][a-z0-9-]*\Z", "Use lowercase letters, digits and hyphens.")


class Segment(models.Model):
    """A rule with a name. Others refer to it by its key, which never changes.

    `counted_rule` tells by which rule its members were counted completely (segments.counting), ""
    before the first time.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", "Active"
        ARCHIVED = "archived", "Archived"

    name = models.CharField(max_length=80, unique=True)
    key = models.CharField(
        max_length=64,
        unique=True,
        validators=[KEY],
        help_text="What rules and files refer to it by. It stays as it is from now on.",
    )
    note = models.CharField(
        max_length=500, blank=True, help_text="For you and your team: whom it is meant to hold."
    )
    rule = models.JSONField(
        default=dict, help_text="Who is in it: the rule tree of docs/rules.md as JSON."
    )
    status = models.CharField(
        max_length=12, choices=Status.choices, default=Status.ACTIVE, editable=False
    )
    owner = models.CharField(max_length=150, blank=True, editable=False)
    updated_by = models.CharField(max_length=150, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)
    counted_rule = models.CharField(max_length=64, blank=True, default="", editable=False)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class SegmentMember(models.Model):
    """A visitor in a segment, or who left it lately (segments.membership.Membership)."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="members")
    visitor_id = models.UUIDField(db_index=True)
    entered_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)
    was_there = models.BooleanField(default=False)

    class Meta:
        ordering = ("-entered_at", "visitor_id")
        constraints = (
            models.UniqueConstraint(fields=("segment", "visitor_id"), name="segmentmember_key"),
        )
        indexes = (
            models.Index(
                fields=("segment", "-entered_at"),
                condition=models.Q(left_at=None),
                name="segmentmember_in",
            ),
            models.Index(
                fields=("segment", "left_at"),
                condition=models.Q(left_at__isnull=False),
                name="segmentmember_left",
            ),
        )

    def __str__(self) -> str:
        return f"{str(self.visitor_id)[:8]} in {self.segment_id}"


class SegmentSize(models.Model):
    """How many were in a segment when it was counted last on a day (UTC), who came and who left."""

    segment = models.ForeignKey(Segment, on_delete=models.CASCADE, related_name="sizes")
    day = models.DateField()
    size = models.PositiveIntegerField()
    entered = models.PositiveIntegerField(default=0)
    left = models.PositiveIntegerField(default=0)
    counted_at = models.DateTimeField()

    class Meta:
        ordering = ("-day",)
        constraints = (models.UniqueConstraint(fields=("segment", "day"), name="segmentsize_key"),)

    def __str__(self) -> str:
        return f"{self.day}: {self.size}"


class SegmentPass(models.Model):
    """One walk over visitors that counts all segments, in strides; the latest one of a kind counts.

    `rules` are the segments it counts: by id, what their rule was when it began. The visitors up to
    `after` are done. `changed_to` is up to when changed profiles were looked at.
    """

    class Kind(models.TextChoices):
        FULL = "full", "Everybody"
        SWEEP = "sweep", "Members and the recently active"
        CHANGED = "changed", "Whose profile changed"

    kind = models.CharField(max_length=8, choices=Kind.choices, unique=True)
    rules = models.JSONField(default=dict)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    after = models.UUIDField(null=True)
    visitors = models.PositiveIntegerField(default=0)
    changed_to = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.visitors:,}"
