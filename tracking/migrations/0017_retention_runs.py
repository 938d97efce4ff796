"""What each night's retention run did, and how far one under way has come."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracking", "0016_drop_increments")]

    operations = [
        migrations.CreateModel(
            name="RetentionRun",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "partitions_dropped",
                    models.PositiveIntegerField(default=0, verbose_name="months dropped"),
                ),
                ("events_deleted", models.BigIntegerField(default=0)),
                ("visits_deleted", models.BigIntegerField(default=0)),
                ("note", models.CharField(blank=True, max_length=200)),
                ("stage", models.PositiveSmallIntegerField(default=0)),
                ("place_table", models.CharField(blank=True, max_length=63)),
                ("place_block", models.BigIntegerField(default=0)),
            ],
            options={"verbose_name": "retention run", "ordering": ("-started_at",)},
        ),
    ]
