"""Rule-defined segments, who came in and left when, how many there were, and the counting."""

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("personalization", "0009_test_profiles"),
    ]

    operations = [
        migrations.CreateModel(
            name="Segment",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=80, unique=True)),
                (
                    "key",
                    models.CharField(
                        help_text="What rules and files refer to it by. It stays as it is from now on.",
                        max_length=64,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[a-z0-9][a-z0-9-]*\\Z",
                                "Use lowercase letters, digits and hyphens.",
                            )
                        ],
                    ),
                ),
                (
                    "note",
                    models.CharField(
                        blank=True,
                        help_text="For you and your team: whom it is meant to hold.",
                        max_length=500,
                    ),
                ),
                (
                    "rule",
                    models.JSONField(
                        default=dict,
                        help_text="Who is in it: the rule tree of docs/rules.md as JSON.",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("active", "Active"), ("archived", "Archived")],
                        default="active",
                        editable=False,
                        max_length=12,
                    ),
                ),
                ("owner", models.CharField(blank=True, editable=False, max_length=150)),
                ("updated_by", models.CharField(blank=True, editable=False, max_length=150)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "updated_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "counted_rule",
                    models.CharField(blank=True, default="", editable=False, max_length=64),
                ),
            ],
            options={
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="SegmentPass",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("full", "Everybody"),
                            ("sweep", "Members and the recently active"),
                            ("changed", "Whose profile changed"),
                        ],
                        max_length=8,
                        unique=True,
                    ),
                ),
                ("rules", models.JSONField(default=dict)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(null=True)),
                ("after", models.UUIDField(null=True)),
                ("visitors", models.PositiveIntegerField(default=0)),
                ("changed_to", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="SegmentMember",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("visitor_id", models.UUIDField(db_index=True)),
                ("entered_at", models.DateTimeField()),
                ("left_at", models.DateTimeField(null=True)),
                ("was_there", models.BooleanField(default=False)),
                (
                    "segment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
                        to="personalization.segment",
                    ),
                ),
            ],
            options={
                "ordering": ("-entered_at", "visitor_id"),
                "indexes": [
                    models.Index(
                        condition=models.Q(("left_at", None)),
                        fields=["segment", "-entered_at"],
                        name="segmentmember_in",
                    ),
                    models.Index(
                        condition=models.Q(("left_at__isnull", False)),
                        fields=["segment", "left_at"],
                        name="segmentmember_left",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("segment", "visitor_id"), name="segmentmember_key"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SegmentSize",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("size", models.PositiveIntegerField()),
                ("entered", models.PositiveIntegerField(default=0)),
                ("left", models.PositiveIntegerField(default=0)),
                ("counted_at", models.DateTimeField()),
                (
                    "segment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sizes",
                        to="personalization.segment",
                    ),
                ),
            ],
            options={
                "ordering": ("-day",),
                "constraints": [
                    models.UniqueConstraint(fields=("segment", "day"), name="segmentsize_key")
                ],
            },
        ),
    ]
