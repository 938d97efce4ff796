"""What can happen, and what items are about."""

from django.core.validators import MinValueValidator
from django.db import models


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
        verbose_name = "event type"

    def __str__(self) -> str:
        return self.label


class Item(models.Model):
    """What an item is about, for events that name the item alone."""

    item = models.CharField(max_length=200, primary_key=True)
    category = models.CharField(max_length=64, blank=True)
    content_type = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name = "described item"

    def __str__(self) -> str:
        return self.item
