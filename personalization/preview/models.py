"""Test profiles: invented visitors with a name, as preview has them come to a page."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

MOST_VISITS = 200
MOST_DAYS = 365
MOST_TIMES = 100
LANGUAGE = RegexValidator(
    r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*\Z", "Use a language tag as browsers send it: en, de-AT."
)


class TestProfile(models.Model):
    """An invented visitor. What is not said of them, they never did."""

    __test__ = False  # whatever a test runner makes of the name

    class Consent(models.TextChoices):
        GRANTED = "granted", "Agreed to everything"
        REFUSED = "refused", "Refused"
        NOT_ASKED = "not_asked", "Not asked yet"

    class Device(models.TextChoices):
        PHONE = "phone", "Phone"
        TABLET = "tablet", "Tablet"
        DESKTOP = "desktop", "Desktop"
        ANY = "", "Whichever the page is previewed on"

    name = models.CharField(max_length=80, unique=True)
    note = models.CharField(max_length=200, blank=True, help_text="Whom they stand for.")
    consent = models.CharField(
        max_length=12,
        choices=Consent.choices,
        default=Consent.GRANTED,
        help_text="Without consent nothing below is known of them.",
    )
    device = models.CharField(max_length=8, choices=Device.choices, blank=True, default=Device.ANY)
    language = models.CharField(
        max_length=35, default="en", validators=[LANGUAGE], help_text="What the browser asks for."
    )
    visits = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_VISITS)],
        help_text="The present one among them.",
    )
    first_days = models.PositiveSmallIntegerField(
        "first came, days ago",
        default=0,
        validators=[MaxValueValidator(MOST_DAYS)],
        help_text="Visits are spread evenly from then on.",
    )
    last_days = models.PositiveSmallIntegerField(
        "last here, days ago",
        default=0,
        validators=[MaxValueValidator(MOST_DAYS)],
        help_text="0: on the site now.",
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if None in (self.visits, self.first_days, self.last_days):
            return  # said beside the field
        days = self.first_days - self.last_days
        if days < 0:
            raise ValidationError({"first_days": "The first visit cannot be after the last."})
        if self.visits > 1 + 12 * days:
            remedy = "Let them come for longer, or have fewer visits."
            raise ValidationError(
                {"visits": f"At most 12 visits a day, so {1 + 12 * days} here. {remedy}"}
            )


class TestInterest(models.Model):
    """What an invented visitor likes: so many articles read in the days before."""

    __test__ = False

    class Strength(models.IntegerChoices):
        SLIGHT = 2, "slight: 2 articles read"
        CLEAR = 8, "clear: 8 articles read"
        STRONG = 24, "strong: 24 articles read"

    profile = models.ForeignKey(TestProfile, on_delete=models.CASCADE, related_name="interests")
    category = models.ForeignKey(
        "personalization.Category", on_delete=models.CASCADE, related_name="+"
    )
    strength = models.PositiveSmallIntegerField(choices=Strength.choices, default=Strength.CLEAR)

    class Meta:
        ordering = ("-strength", "pk")
        verbose_name = "interest"
        constraints = (
            models.UniqueConstraint(
                fields=("profile", "category"), name="one_test_interest_per_category"
            ),
        )

    def __str__(self) -> str:
        return f"{self.category}"


class TestDoing(models.Model):
    """Something an invented visitor did, so many times within the last days."""

    __test__ = False

    profile = models.ForeignKey(TestProfile, on_delete=models.CASCADE, related_name="doings")
    type = models.CharField("did", max_length=64)
    category = models.ForeignKey(
        "personalization.Category",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="Empty: of none.",
    )
    times = models.PositiveSmallIntegerField(
        default=1, validators=[MinValueValidator(1), MaxValueValidator(MOST_TIMES)]
    )
    days = models.PositiveSmallIntegerField(
        "within the last days",
        default=14,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_DAYS)],
    )

    class Meta:
        ordering = ("pk",)
        verbose_name = "thing they did"
        verbose_name_plural = "things they did"

    def __str__(self) -> str:
        return f"{self.type}, {self.times} ×"
