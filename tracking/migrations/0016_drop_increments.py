"""Refusals are appended and added up later: writers of one counter no longer wait in line.

Rows live for seconds. Vacuum by their number, not by a part of a table that is empty between two
sums, so that a flood leaves no large table behind.
"""

from django.db import migrations, models

STORAGE = """
ALTER TABLE tracking_dropincrement SET (autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_insert_threshold = -1,
    autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000);
"""
RESET = """
ALTER TABLE tracking_dropincrement RESET (autovacuum_vacuum_scale_factor,
    autovacuum_vacuum_threshold, autovacuum_vacuum_insert_threshold,
    autovacuum_analyze_scale_factor, autovacuum_analyze_threshold);
"""


class Migration(migrations.Migration):
    dependencies = [("tracking", "0015_event_type_words")]

    operations = [
        migrations.CreateModel(
            name="DropIncrement",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                ("reason", models.CharField(max_length=40)),
                ("source", models.CharField(max_length=60)),
                ("count", models.BigIntegerField()),
            ],
        ),
        migrations.RunSQL(STORAGE, RESET),
    ]
