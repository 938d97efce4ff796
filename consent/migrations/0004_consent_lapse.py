"""When a purpose last changed, and `expires_at` as the end of the first grant. Rerunnable."""

from django.db import migrations, models

# Ids whose grants lapsed before there was a time for it are erased by the next sweep.
CHANGED = """
UPDATE consent_purpose SET changed_at = now(), version = version + (NOT is_active)::int
    WHERE changed_at IS NULL AND (version > 1 OR NOT is_active)
"""
# [granted, at in microseconds, version, signal]: only ids that decided more than once differ.
EXPIRES = """
UPDATE consent_effectiveconsent SET expires_at = first.ends
    FROM (
        SELECT visitor_id, interval '4320 hours' + to_timestamp(
            min((choice.value ->> 1)::bigint) / 1000000.0) AS ends
        FROM consent_effectiveconsent, jsonb_each(choices) AS choice
        WHERE fenced_at IS NULL AND choice.value ->> 0 = '1' GROUP BY visitor_id
    ) AS first
    WHERE consent_effectiveconsent.visitor_id = first.visitor_id
        AND abs(extract(epoch FROM consent_effectiveconsent.expires_at - first.ends)) > 0.001
"""


class Migration(migrations.Migration):
    dependencies = [("consent", "0003_purposes_seed")]

    operations = [
        migrations.AddField(
            model_name="purpose",
            name="changed_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="When the version was last raised.",
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="purpose",
            name="version",
            field=models.PositiveIntegerField(
                default=1,
                help_text=(
                    "Raised by a material change or deactivation: grants of earlier versions lapse."
                ),
            ),
        ),
        migrations.RunSQL(CHANGED, migrations.RunSQL.noop),
        migrations.RunSQL(EXPIRES, migrations.RunSQL.noop),
    ]
