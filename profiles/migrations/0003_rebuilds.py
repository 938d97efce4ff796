"""States as bytes, and profiles that can be rebuilt while they are in use."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

TO_BYTES = """
ALTER TABLE profiles_profile ALTER COLUMN state TYPE bytea USING convert_to(state::text, 'UTF8');
-- As it comes: compressing what the next fold replaces costs more than it saves.
ALTER TABLE profiles_profile ALTER COLUMN state SET STORAGE EXTERNAL;
"""
TO_JSON = """
ALTER TABLE profiles_profile ALTER COLUMN state TYPE jsonb
    USING convert_from(state, 'UTF8')::jsonb;
ALTER TABLE profiles_profile ALTER COLUMN state SET STORAGE EXTENDED;
"""


class Migration(migrations.Migration):
    dependencies = [("profiles", "0002_visitor_name")]

    operations = [
        migrations.RunSQL(
            TO_BYTES,
            TO_JSON,
            state_operations=[
                migrations.AlterField("profile", "state", models.BinaryField()),
            ],
        ),
        migrations.CreateModel(
            name="Definition",
            fields=[
                ("version", models.PositiveIntegerField(primary_key=True, serialize=False)),
                (
                    "half_lives",
                    models.JSONField(help_text="Signal: short and long half-life in seconds."),
                ),
                ("made_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.AddField("foldcursor", "definition", models.PositiveIntegerField(default=0)),
        migrations.CreateModel(
            name="Rebuild",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.CharField(max_length=200)),
                ("definition", models.PositiveIntegerField(default=0)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={"ordering": ("-started_at",)},
        ),
        migrations.AddConstraint(
            "rebuild",
            models.UniqueConstraint(
                models.Value(1),
                condition=models.Q(("finished_at", None)),
                name="rebuild_one_at_a_time",
            ),
        ),
        migrations.CreateModel(
            name="RebuildShard",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("shard", models.PositiveSmallIntegerField()),
                (
                    "after",
                    models.UUIDField(
                        help_text="The last visitor whose profile is made.", null=True
                    ),
                ),
                ("events", models.BigIntegerField(default=0)),
                ("profiles", models.BigIntegerField(default=0)),
                ("started_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "rebuild",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="shards",
                        to="profiles.rebuild",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("rebuild", "shard"), name="rebuildshard_key")
                ],
            },
        ),
    ]
