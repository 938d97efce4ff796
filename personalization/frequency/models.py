"""How often a campaign may be shown, what excludes each other, and a visitor's budget of it all."""

from collections.abc import Mapping
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from personalization.frequency.capacity import MOST
from personalization.frequency.limits import CAP_LENGTH, KEPT, LONGEST


class Unit(models.TextChoices):
    """What a window is counted in."""

    MINUTES = "minutes", "minutes"
    HOURS = "hours", "hours"
    DAYS = "days", "days"
    VISIT = "visit", "this visit"
    EVER = "ever", "ever"


COUNT = (MinValueValidator(1), MaxValueValidator(KEPT))
LENGTH = (MinValueValidator(1), MaxValueValidator(LONGEST))


def window_values(unit: str, length: int) -> dict[str, Any]:
    """A window as a payload holds it; the length of a visit, and of ever, says nothing."""
    return {"unit": str(unit), "length": 1 if unit in (Unit.VISIT, Unit.EVER) else length}


class ExclusionGroup(models.Model):
    """Campaigns that must not follow each other: a visitor sees one of them."""

    name = models.CharField(max_length=80, unique=True)
    window_length = models.PositiveSmallIntegerField(
        "for", default=7, validators=LENGTH, help_text="1 to 365; of no matter for a visit or ever."
    )
    window_unit = models.CharField(
        "counted in", max_length=8, choices=Unit.choices, default=Unit.DAYS
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class PressureBudget(models.Model):
    """How much one visitor may be shown of all campaigns together. There is one, with the id 1."""

    class Days(models.IntegerChoices):
        DAY = 1, "a day"
        WEEK = 7, "a week"

    count = models.PositiveSmallIntegerField(
        "at most",
        null=True,
        blank=True,
        validators=COUNT,
        help_text=f"Personalized messages one visitor is given, 1 to {KEPT}. Empty: no budget.",
    )
    days = models.PositiveSmallIntegerField(
        "in", choices=Days.choices, default=Days.DAY, help_text="The last 24 hours, or 7 days."
    )

    class Meta:
        verbose_name_plural = "pressure budget"
        constraints = (
            models.CheckConstraint(condition=models.Q(id=1), name="one_pressure_budget"),
        )

    def __str__(self) -> str:
        return "Pressure budget"


class Counted(models.TextChoices):
    """What a capacity counts."""

    VISITORS = "visitors", "visitors"
    EXPOSURES = "exposures", "exposures"


class Per(models.TextChoices):
    """What a capacity is for."""

    EVER = "ever", "in all"
    DAY = "day", "of each day"


class CampaignGiven(models.Model):
    """How many a campaign with a capacity was given to in all, as a worker saw it last.

    The counter itself is in Redis (frequency.given); this is what it is never made smaller than.
    """

    campaign = models.ForeignKey(
        "personalization.Campaign", on_delete=models.CASCADE, related_name="+"
    )
    counted = models.CharField(max_length=9, choices=Counted.choices)
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("campaign", "counted"), name="one_total_per_capacity"),
        )

    def __str__(self) -> str:
        return f"{self.count} {self.counted}"


class Limited(models.Model):
    """The limits of one campaign."""

    cap_count = models.PositiveSmallIntegerField(
        "at most",
        null=True,
        blank=True,
        validators=COUNT,
        help_text=f"Times one visitor is shown this, 1 to {KEPT}. Empty: no limit.",
    )
    cap_length = models.PositiveSmallIntegerField(
        "within",
        default=CAP_LENGTH,
        validators=LENGTH,
        help_text="1 to 365; of no matter for a visit or ever.",
    )
    cap_unit = models.CharField("counted in", max_length=8, choices=Unit.choices, default=Unit.DAYS)
    pause_dismissed_days = models.PositiveSmallIntegerField(
        "days' pause after “Not this”",
        null=True,
        blank=True,
        validators=LENGTH,
        help_text="Shows a button to dismiss it. Empty: no button.",
    )
    pause_clicked_days = models.PositiveSmallIntegerField(
        "days' pause after a click on it",
        null=True,
        blank=True,
        validators=LENGTH,
        help_text="Any link or tracked button in it. Empty: no pause.",
    )
    pause_event = models.CharField(
        "pause after",
        max_length=40,
        blank=True,
        help_text="What makes it needless, such as a purchase. Anything of this kind counts.",
    )
    pause_event_days = models.PositiveSmallIntegerField(
        "for days", null=True, blank=True, validators=LENGTH
    )
    exclusion_group = models.ForeignKey(
        ExclusionGroup,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="campaigns",
        help_text="A visitor sees one campaign of a group, not another after it.",
    )
    capacity_count = models.PositiveIntegerField(
        "for the first",
        null=True,
        blank=True,
        validators=(MinValueValidator(1), MaxValueValidator(MOST)),
        help_text="All visitors together: when so many were given it, it is full. Empty: no limit.",
    )
    capacity_counted = models.CharField(
        "of", max_length=9, choices=Counted.choices, default=Counted.VISITORS
    )
    capacity_per = models.CharField(
        "counted",
        max_length=4,
        choices=Per.choices,
        default=Per.EVER,
        help_text="Days are those of the time zone above.",
    )
    budget_exempt = models.CharField(
        "outside the pressure budget because",
        max_length=200,
        blank=True,
        help_text="Empty: it counts. A reason, such as “terms of service have changed”: it is"
        " shown whatever else was, and does not count.",
    )

    class Meta:
        abstract = True

    @property
    def frequency(self) -> dict[str, Any]:
        """The limits as a payload holds them: only what is set, {} for none."""
        cap = self.cap_count and {
            "count": self.cap_count,
            **window_values(self.cap_unit, self.cap_length),
        }
        pauses = self.pause_event and self.pause_event_days
        capacity = self.capacity_count and {
            "count": self.capacity_count,
            "counted": str(self.capacity_counted),
            "per": str(self.capacity_per),
        }
        values = {
            "cap": cap,
            "after_dismissal": self.pause_dismissed_days,
            "after_click": self.pause_clicked_days,
            "after_event": [self.pause_event, self.pause_event_days] if pauses else None,
            "group": self.exclusion_group_id,
            "capacity": capacity,
            "exempt": self.budget_exempt,
        }
        return {name: value for name, value in values.items() if value}

    @frequency.setter
    def frequency(self, values: Mapping[str, Any]) -> None:
        cap, (event, days) = values.get("cap"), values.get("after_event", ("", None))
        self.cap_count = cap["count"] if cap else None
        self.cap_length = cap["length"] if cap else CAP_LENGTH
        self.cap_unit = cap["unit"] if cap else Unit.DAYS
        self.pause_dismissed_days = values.get("after_dismissal")
        self.pause_clicked_days = values.get("after_click")
        self.pause_event, self.pause_event_days = event, days
        self.exclusion_group_id = values.get("group")
        capacity = values.get("capacity") or {"count": None}
        self.capacity_count = capacity["count"]
        self.capacity_counted = capacity.get("counted", Counted.VISITORS)
        self.capacity_per = capacity.get("per", Per.EVER)
        self.budget_exempt = values.get("exempt", "")
