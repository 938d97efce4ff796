"""What can be shown, where, to whom and since when."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from personalization.backtest.models import Backtest, BacktestSample, BacktestShard
from personalization.frequency.models import (
    CampaignGiven,
    ExclusionGroup,
    Limited,
    PressureBudget,
)
from personalization.preview.addresses import AddressError, address_check
from personalization.preview.models import TestDoing, TestInterest, TestProfile
from personalization.reach.models import (
    ConsentChange,
    ProjectedProfile,
    ProjectionCursor,
    ReaderCheck,
)
from personalization.segments.models import (
    Segment,
    SegmentMember,
    SegmentPass,
    SegmentSize,
)

__all__ = [
    "Backtest",
    "BacktestSample",
    "BacktestShard",
    "Campaign",
    "CampaignGiven",
    "Category",
    "ConsentChange",
    "ContentItem",
    "ExclusionGroup",
    "PressureBudget",
    "ProjectedProfile",
    "ProjectionCursor",
    "ReaderCheck",
    "RuleSet",
    "Segment",
    "SegmentMember",
    "SegmentPass",
    "SegmentSize",
    "Slot",
    "TestDoing",
    "TestInterest",
    "TestProfile",
    "Variant",
]

KEY = RegexValidator(r"^[a-z0-9][a-z0-9-]*\Z", "Use lowercase letters, digits and hyphens.")
#: A page of this site or of another by https. Browsers read "/\\host" as "//host".
ADDRESS = RegexValidator(
    r"^(/(?![/\\])|https://)[^\s\\\x00-\x1f]*\Z", "Start with / or https://, without spaces."
)
#: A path that stays below its folder.
PICTURE = RegexValidator(r"^(?!.*\.\.)\w[\w./-]*\Z", "There is no such picture.")
PICTURE_HELP = "A file under static/demo/."


def page_validate(address: str) -> None:
    """Raises ValidationError for what is no page of this site that can be previewed."""
    try:
        address_check(address)
    except AddressError as error:
        raise ValidationError(str(error)) from None


def zone_default() -> str:
    """The zone a new campaign's times are typed in."""
    return str(settings.CAMPAIGN_ZONE)


class Category(models.Model):
    """What content is about. Its slug is the topic a visitor gathers affinity for."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=200, blank=True)
    hue = models.PositiveSmallIntegerField(
        default=200,
        validators=[MaxValueValidator(360)],
        help_text="Colour on the wheel, 0 to 360 degrees.",
    )

    class Meta:
        ordering = ("name",)
        verbose_name_plural = "categories"

    def __str__(self) -> str:
        return self.name


class ContentItem(models.Model):
    """Something that can be shown and recommended."""

    class Type(models.TextChoices):
        ARTICLE = "article", "Article"
        VIDEO = "video", "Video"
        GUIDE = "guide", "Guide"
        PRODUCT = "product", "Product"

    slug = models.SlugField(max_length=100, unique=True)
    title = models.CharField(max_length=120)
    summary = models.CharField(max_length=300)
    body = models.TextField(help_text="Markdown. HTML is shown as text.")
    category = models.ForeignKey(Category, on_delete=models.PROTECT, related_name="items")
    content_type = models.CharField(max_length=16, choices=Type.choices)
    tags = models.JSONField(default=list, blank=True, help_text="A list of lowercase words.")
    minutes = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Reading or watching time."
    )
    price = models.DecimalField(max_digits=8, decimal_places=2, null=True, blank=True)
    image = models.CharField(
        max_length=120, blank=True, validators=[PICTURE], help_text=PICTURE_HELP
    )
    is_published = models.BooleanField(default=True)
    published_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-published_at", "slug")
        indexes = (models.Index(fields=("category", "-published_at")),)

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        return f"/items/{self.slug}/"


class Variant(models.Model):
    """One content a slot can show: a message of its own, with items beside it if wanted."""

    class Items(models.TextChoices):
        NONE = "", "No items"
        CATEGORY = "category", "Newest of a category"
        INTEREST = "interest", "Newest of the visitor's top interest"

    name = models.CharField(max_length=80, unique=True, help_text="For you and your team.")
    eyebrow = models.CharField(max_length=60, blank=True, help_text="The small line above.")
    headline = models.CharField(max_length=120)
    text = models.CharField(max_length=300, blank=True)
    body = models.TextField(
        "more words",
        max_length=5000,
        blank=True,
        help_text="Markdown: **bold**, *italic*, lists, [links](/c/garden/) and pictures.",
    )
    button_label = models.CharField(max_length=40, blank=True)
    button_url = models.CharField(max_length=200, blank=True, validators=[ADDRESS])
    image = models.CharField(
        max_length=120, blank=True, validators=[PICTURE], help_text=PICTURE_HELP
    )
    items = models.CharField(max_length=16, choices=Items.choices, blank=True, default="")
    category = models.ForeignKey(
        Category, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Slot(models.Model):
    """A named place in a template, with what it shows when nothing matches."""

    key = models.CharField(max_length=64, unique=True, validators=[KEY])
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=200, blank=True, help_text="Where it is.")
    default = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="+")
    address = models.CharField(
        "where to preview it",
        max_length=200,
        blank=True,
        validators=[page_validate],
        help_text="A page that has it, as in /c/gardening/. Empty: the home page.",
    )

    class Meta:
        ordering = ("key",)

    def __str__(self) -> str:
        return self.name


class Campaign(Limited):
    """A rule, the variant that follows from it, and when: the draft of it, and where it stands.

    What pages follow is `published`, one of its versions. Editing changes the draft alone; what may
    follow from which status is personalization.campaigns.campaigning's to say.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", "Draft"
        REVIEW = "review", "In review"
        PUBLISHED = "published", "Published"
        PAUSED = "paused", "Paused"
        ARCHIVED = "archived", "Archived"

    name = models.CharField(max_length=80, unique=True)
    slot = models.ForeignKey(Slot, on_delete=models.PROTECT, related_name="campaigns")
    variant = models.ForeignKey(Variant, on_delete=models.PROTECT, related_name="campaigns")
    rule = models.JSONField(
        default=dict, help_text="Who sees it: the rule tree of docs/rules.md as JSON."
    )
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.DRAFT)
    priority = models.PositiveSmallIntegerField(
        default=50,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="1 to 100. When several campaigns match, the highest wins.",
    )
    starts_at = models.DateTimeField("starts", null=True, blank=True, help_text="Empty: at once.")
    ends_at = models.DateTimeField("ends", null=True, blank=True, help_text="Empty: never.")
    zone = models.CharField(
        max_length=64,
        default=zone_default,
        help_text="Whose clocks start and end are read on.",
    )
    #: Counts every save and every step, so that nobody overwrites what they have not seen.
    revision = models.PositiveIntegerField(default=0, editable=False)
    published = models.ForeignKey(
        "CampaignVersion",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    submitted = models.ForeignKey(
        "CampaignVersion",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    #: What the published version shows and where, so that neither can be deleted meanwhile.
    live_slot = models.ForeignKey(
        Slot, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    live_variant = models.ForeignKey(
        Variant, on_delete=models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("-priority", "name")
        permissions = (("publish_campaign", "Can publish, pause and archive campaigns"),)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(ends_at__isnull=True)
                | models.Q(starts_at__isnull=True)
                | models.Q(ends_at__gt=models.F("starts_at")),
                name="campaign_ends_after_it_starts",
                violation_error_message="The end must be after the start.",
            ),
        )

    def __str__(self) -> str:
        return self.name


class CampaignVersion(models.Model):
    """A campaign as it was submitted or published: everything a visitor could see or be matched by.

    The payload (personalization.campaigns.versions) never changes; only the state does.
    """

    class State(models.TextChoices):
        REVIEW = "review", "In review"
        RETURNED = "returned", "Sent back"
        WITHDRAWN = "withdrawn", "Taken back"
        PUBLISHED = "published", "Published"
        RETIRED = "retired", "Was published"
        REPLACED = "replaced", "Approved with newer content"
        KEPT = "kept", "Draft set aside"

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    payload = models.JSONField()
    state = models.CharField(max_length=12, choices=State.choices)
    made_by = models.CharField(max_length=150, blank=True)
    made_at = models.DateTimeField(default=timezone.now)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ("-number",)
        constraints = (
            models.UniqueConstraint(fields=("campaign", "number"), name="one_version_per_number"),
        )

    def __str__(self) -> str:
        return f"Version {self.number}"


class CampaignStep(models.Model):
    """What somebody did with a campaign, in words as they were true then. Only ever added."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="steps")
    version = models.ForeignKey(
        CampaignVersion, on_delete=models.CASCADE, null=True, related_name="+"
    )
    action = models.CharField(max_length=160)
    changes = models.JSONField(default=list)
    comment = models.CharField(max_length=500, blank=True)
    by = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return self.action


class RuleSet(models.Model):
    """All published campaigns as one immutable published version; what pages are decided by."""

    version = models.BigAutoField(primary_key=True)
    payload = models.JSONField()
    sha256 = models.CharField(max_length=64)
    published_at = models.DateTimeField(default=timezone.now)
    published_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ("-version",)
        verbose_name = "published version"

    def __str__(self) -> str:
        return f"Version {self.version}"
