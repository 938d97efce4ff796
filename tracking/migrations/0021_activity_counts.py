"""Counts of what happened by the hour, and how far each shard is counted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracking", "0020_inbox_vacuum")]

    operations = [
        migrations.CreateModel(
            name="ActivityCount",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hour", models.DateTimeField()),
                ("type", models.CharField(max_length=40)),
                ("campaign", models.CharField(blank=True, max_length=9)),
                ("count", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="ActivityCursor",
            fields=[
                ("shard", models.PositiveSmallIntegerField(primary_key=True, serialize=False)),
                ("seq", models.BigIntegerField(default=0)),
            ],
        ),
        migrations.AddConstraint(
            model_name="activitycount",
            constraint=models.UniqueConstraint(
                fields=("hour", "type", "campaign"), name="activitycount_key"
            ),
        ),
    ]
