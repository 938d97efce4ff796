"""Where a visitor's events are, what visits come of, what is usual, and a view of what is not."""

import django.contrib.postgres.fields
from django.db import migrations, models
from django.db.models import F

OUTLIERS = """
CREATE VIEW tracking_outlier AS
SELECT e.seq * 32768 + e.shard AS id, e.visitor_id, e.id AS event_id, e.type, e.content_type,
    e.item, e.occurred_at, e.outlier AS why, t.unit,
    CASE t.unit WHEN 'event' THEN (
        SELECT (v.state -> 'counts' ->> (e.type || '|' || e.content_type))::float8
        FROM tracking_visit AS v WHERE v.visitor_id = e.visitor_id AND v.id = e.visit_id
    ) ELSE (
        SELECT sum(p.value) FROM tracking_event AS p WHERE p.visitor_id = e.visitor_id
        AND p.id = e.id AND p.occurred_at = e.occurred_at
    ) END AS reported,
    CASE t.unit WHEN 'event' THEN e.amount ELSE (
        SELECT sum(p.amount) FROM tracking_event AS p WHERE p.visitor_id = e.visitor_id
        AND p.id = e.id AND p.occurred_at = e.occurred_at
    ) END AS counted
FROM tracking_event AS e JOIN tracking_eventtype AS t ON t.name = e.type
WHERE e.outlier <> '';
"""
PARTITIONS = (
    "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'tracking_event'::regclass"
)
MONTHS = """
INSERT INTO tracking_visitor AS v (visitor_id, months)
SELECT visitor_id, array_agg(DISTINCT extract(year FROM occurred_at AT TIME ZONE 'UTC')::int * 12
    + extract(month FROM occurred_at AT TIME ZONE 'UTC')::int - 1) FROM {} GROUP BY visitor_id
ON CONFLICT (visitor_id) DO UPDATE SET months =
    ARRAY(SELECT DISTINCT unnest(v.months || excluded.months) ORDER BY 1);
"""


def months_fill(apps, schema_editor):
    """One partition at a time; done again, it changes nothing."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(PARTITIONS)
        for (name,) in cursor.fetchall():
            cursor.execute(MONTHS.format(name))


def roots_fill(apps, schema_editor):
    """Until now a visit was what its client called one."""
    apps.get_model("tracking", "Visit").objects.filter(root=None).update(root=F("id"))


class Migration(migrations.Migration):
    dependencies = [("tracking", "0012_items")]

    operations = [
        migrations.AlterModelOptions(
            name="dropcount",
            options={"ordering": ("-day", "reason"), "verbose_name": "cleaning count"},
        ),
        migrations.CreateModel(
            name="Visitor",
            fields=[
                ("visitor_id", models.UUIDField(primary_key=True, serialize=False)),
                (
                    "months",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.IntegerField(),
                        help_text="Each year × 12 + month − 1, UTC.",
                        size=None,
                    ),
                ),
            ],
        ),
        migrations.RunPython(months_fill, migrations.RunPython.noop),
        migrations.AddField(
            model_name="visit",
            name="root",
            field=models.UUIDField(null=True),
            preserve_default=False,
        ),
        migrations.RunPython(roots_fill, migrations.RunPython.noop),
        migrations.AlterField(model_name="visit", name="root", field=models.UUIDField()),
        migrations.AddField(
            model_name="visit",
            name="state",
            field=models.JSONField(
                db_default={}, default=dict, help_text="What cleaning remembers."
            ),
        ),
        migrations.AddIndex(
            model_name="visit",
            index=models.Index(fields=["visitor_id", "root", "started_at"], name="visit_of_a_root"),
        ),
        migrations.CreateModel(
            name="Bin",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "shard",
                        "type",
                        "content_type",
                        "number",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("shard", models.PositiveSmallIntegerField()),
                ("type", models.CharField(max_length=40)),
                ("content_type", models.CharField(max_length=64)),
                (
                    "number",
                    models.IntegerField(help_text="tracking.pipeline.distribution.bin_of"),
                ),
                (
                    "count",
                    models.FloatField(help_text="Fades; of all shards together it counts."),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Fence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("type", models.CharField(max_length=40)),
                ("content_type", models.CharField(max_length=64)),
                ("observations", models.FloatField()),
                ("lower_quartile", models.FloatField()),
                ("median", models.FloatField()),
                ("upper_quartile", models.FloatField()),
                (
                    "sigma",
                    models.FloatField(
                        help_text="1.4826 × the median absolute deviation, of log(1 + x)."
                    ),
                ),
                ("z_score", models.FloatField(help_text="Three sigma above the median.")),
                (
                    "iqr",
                    models.FloatField(
                        help_text="1.5 interquartile ranges above the upper quartile."
                    ),
                ),
                ("updated_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("type", "content_type"), name="fence_of_a_kind")
                ],
            },
        ),
        # Rows that are written over and over, in place as long as their page has room.
        migrations.RunSQL(
            "ALTER TABLE tracking_visit SET (fillfactor = 80);"
            "ALTER TABLE tracking_bin SET (fillfactor = 50)",
            "ALTER TABLE tracking_visit RESET (fillfactor)",
        ),
        migrations.CreateModel(
            name="Outlier",
            fields=[
                ("id", models.BigIntegerField(primary_key=True, serialize=False)),
                ("visitor_id", models.UUIDField()),
                ("event_id", models.UUIDField()),
                ("type", models.CharField(max_length=40)),
                ("content_type", models.CharField(max_length=64)),
                ("item", models.TextField()),
                ("occurred_at", models.DateTimeField()),
                (
                    "why",
                    models.CharField(
                        choices=[
                            ("z_score", "z-score"),
                            ("iqr", "interquartile range"),
                            ("both", "both"),
                            ("accepted", "accepted, counts in full"),
                        ],
                        max_length=12,
                    ),
                ),
                ("unit", models.CharField(max_length=8)),
                ("reported", models.FloatField(null=True)),
                ("counted", models.FloatField()),
            ],
            options={
                "db_table": "tracking_outlier",
                "ordering": ("-occurred_at",),
                "managed": False,
            },
        ),
        migrations.RunSQL(OUTLIERS, "DROP VIEW tracking_outlier"),
    ]
