"""What is asked, what was shown, what was decided, and what therefore holds.

`ConsentDecision` is the record; `EffectiveConsent` is its fold and can be rebuilt from it.
A visitor is known here by a random id only: no IP address, no user agent. An account of the site is
known by a keyed hash of its identifier.
"""

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models

from consent.logic import Control

CONTROLS = [(control.value, control.value) for control in Control]


class Purpose(models.Model):
    """Something a visitor can allow or refuse, in words shown to visitors."""

    key = models.SlugField(max_length=40, unique=True)
    title = models.CharField(max_length=120)
    description = models.TextField(help_text="One or two plain sentences, shown to visitors.")
    collected = models.TextField(help_text="What is collected for this purpose.")
    retention = models.TextField(help_text="How long it is kept.")
    order = models.PositiveSmallIntegerField(default=0)
    is_active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(
        default=1,
        help_text="Raised by a material change or deactivation: grants of earlier versions lapse.",
    )
    changed_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When the version was last raised."
    )

    class Meta:
        ordering = ("order", "key")

    def __str__(self) -> str:
        return self.title


class NoticeVersion(models.Model):
    """One exact text that visitors were shown. PostgreSQL refuses to change or delete a row."""

    sha256 = models.CharField(max_length=64, unique=True)
    text = models.TextField()
    locale = models.CharField(max_length=20)
    versions = models.JSONField(help_text="The purposes in it, with their versions.")
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.sha256[:12]} ({self.locale})"


class ConsentDecision(models.Model):
    """One decision as it was made. The random key keeps a rotated id's rows from being adjacent."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    visitor_id = models.UUIDField(db_index=True)
    decided_at = models.DateTimeField()
    states = models.JSONField(help_text="Granted or not, per purpose.")
    notice = models.ForeignKey("consent.NoticeVersion", on_delete=models.PROTECT, related_name="+")
    locale = models.CharField(max_length=20)
    control = models.CharField(max_length=20, choices=CONTROLS)
    gpc_seen = models.BooleanField(default=False)
    source = models.CharField(
        max_length=200, blank=True, help_text="Who attests an imported consent."
    )
    standing = models.JSONField(
        null=True, help_text="What a sign-in made of this record; earlier decisions are settled."
    )
    is_settled = models.BooleanField(
        default=False, db_default=False, help_text="A later sign-in's standing includes it."
    )
    merged_into = models.UUIDField(
        null=True, db_index=True, help_text="The visitor id whose record this sign-in continued."
    )

    class Meta:
        ordering = ("-decided_at",)

    def __str__(self) -> str:
        return f"{self.control} at {self.decided_at:%Y-%m-%d %H:%M}"


class EffectiveConsent(models.Model):
    """What holds for one visitor id: the only row the gate reads. Denied for good once fenced."""

    visitor_id = models.UUIDField(primary_key=True)
    choices = models.JSONField(help_text="Per purpose: granted, when, version, signal seen.")
    granted = ArrayField(models.CharField(max_length=40), default=list)
    decided_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)
    fenced_at = models.DateTimeField(null=True, blank=True)
    gpc_seen = models.BooleanField(default=False)
    notice_key = models.CharField(max_length=64)
    merged_into = models.UUIDField(
        null=True, help_text="For an id that a sign-in retired: the account's id then."
    )

    class Meta:
        verbose_name_plural = "effective consent"
        indexes = [
            models.Index(
                fields=["visitor_id", "merged_into"],
                name="effective_merged",
                condition=models.Q(merged_into__isnull=False),
            ),
            models.Index(
                fields=["merged_into"],
                name="effective_merged_into",
                condition=models.Q(merged_into__isnull=False),
            ),
            models.Index(
                fields=["fenced_at"],
                name="effective_fenced",
                condition=models.Q(fenced_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return ", ".join(self.granted) or "nothing granted"


class Account(models.Model):
    """The visitor id that an account of the site has now. No cookie ever names that id."""

    key = models.CharField(
        max_length=64, primary_key=True, help_text="A keyed hash of the site's own identifier."
    )
    visitor_id = models.UUIDField(unique=True)

    def __str__(self) -> str:
        return f"{self.key[:8]}…"


class AccountBrowser(models.Model):
    """A browser in which somebody is signed in: its cookie names this row, which sign-out ends."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("consent.Account", on_delete=models.CASCADE, related_name="+")
    pointed_at = models.DateTimeField(help_text="When its cookie was set last.")

    def __str__(self) -> str:
        return f"signed in {self.pointed_at:%Y-%m-%d}"
