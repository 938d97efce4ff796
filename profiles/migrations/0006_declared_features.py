"""Declared features: who needs which, and as part of what profiles hold."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("profiles", "0005_self_check")]

    operations = [
        migrations.AddField(
            "definition",
            "features",
            models.JSONField(default=list, help_text="Declared features (docs/features.md)."),
        ),
        migrations.CreateModel(
            name="DeclaredFeature",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "needed_by",
                    models.CharField(
                        help_text="Who declared it: a campaign, a model.", max_length=100
                    ),
                ),
                ("key", models.CharField(max_length=12)),
                ("document", models.JSONField(help_text="The feature (docs/features.md).")),
                ("declared_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ("needed_by", "key"),
                "constraints": [
                    models.UniqueConstraint(fields=("needed_by", "key"), name="declaredfeature_key")
                ],
            },
        ),
    ]
