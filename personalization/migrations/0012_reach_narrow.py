"""Projected profiles laid out more narrowly, with consent in the row.

They are derived: the old ones are dropped, and a worker lays every profile out anew (LAYOUT made
another basis), as after a change of signal weights.
"""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
from django.db import migrations, models

#: Whatever deletes a profile, by the ORM or by plain SQL, deletes its row with it.
CASCADE = (
    "ALTER TABLE personalization_projectedprofile ADD CONSTRAINT projectedprofile_profile"
    " FOREIGN KEY (visitor_id) REFERENCES profiles_profile (visitor_id) ON DELETE CASCADE"
)
#: Whatever changes a consent record, by the ORM or by plain SQL, says so in the same transaction.
FOLLOW = """
CREATE FUNCTION personalization_consent_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO personalization_consentchange (visitor_id) SELECT visitor_id FROM come;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO personalization_consentchange (visitor_id) SELECT visitor_id FROM gone;
    ELSE
        INSERT INTO personalization_consentchange (visitor_id)
            SELECT visitor_id FROM come UNION SELECT visitor_id FROM gone;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER personalization_consent_inserted AFTER INSERT ON consent_effectiveconsent
    REFERENCING NEW TABLE AS come
    FOR EACH STATEMENT EXECUTE FUNCTION personalization_consent_note();
CREATE TRIGGER personalization_consent_updated AFTER UPDATE ON consent_effectiveconsent
    REFERENCING NEW TABLE AS come OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION personalization_consent_note();
CREATE TRIGGER personalization_consent_deleted AFTER DELETE ON consent_effectiveconsent
    REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION personalization_consent_note();
"""
FORGET = """
DROP TRIGGER personalization_consent_inserted ON consent_effectiveconsent;
DROP TRIGGER personalization_consent_updated ON consent_effectiveconsent;
DROP TRIGGER personalization_consent_deleted ON consent_effectiveconsent;
DROP FUNCTION personalization_consent_note();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("consent", "0005_accounts"),
        ("profiles", "0001_profile"),
        ("personalization", "0011_capacity"),
    ]

    operations = [
        migrations.CreateModel(
            name="ConsentChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("visitor_id", models.UUIDField(db_index=True)),
            ],
        ),
        migrations.DeleteModel(name="ProjectedProfile"),
        migrations.CreateModel(
            name="ProjectedProfile",
            fields=[
                ("visitor_id", models.UUIDField(primary_key=True, serialize=False)),
                ("basis", models.BigIntegerField()),
                ("allowed_until", models.DateTimeField(null=True)),
                ("visits", models.IntegerField(db_index=True)),
                ("definition", models.PositiveIntegerField(db_index=True)),
                ("last_ms", models.BigIntegerField(db_index=True, null=True)),
                ("engagement", models.FloatField(db_index=True, null=True)),
                ("first_ms", models.BigIntegerField(db_index=True, null=True)),
                ("start_ms", models.BigIntegerField(null=True)),
                ("page_ms", models.BigIntegerField(null=True)),
                ("gap_days", models.FloatField(null=True)),
                ("consistency", models.FloatField(null=True)),
                ("velocity", models.FloatField(null=True)),
                ("long_total", models.FloatField(null=True)),
                ("short_total", models.FloatField(null=True)),
                ("page_run", models.SmallIntegerField()),
                ("is_plain", models.BooleanField()),
                ("content_type", models.TextField(blank=True)),
                *(
                    (name, django.contrib.postgres.fields.ArrayField(base_field=kind, size=None))
                    for name, kind in (
                        ("categories", models.BigIntegerField()),
                        ("longs", models.FloatField()),
                        ("did", models.BigIntegerField()),
                        ("begins", models.IntegerField()),
                        ("times", models.IntegerField()),
                        ("shorts", models.FloatField()),
                        ("evidence", models.IntegerField()),
                    )
                ),
                ("told", models.JSONField()),
            ],
            options={
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["categories"], name="projected_categories"
                    ),
                    django.contrib.postgres.indexes.GinIndex(fields=["did"], name="projected_did"),
                    models.Index(fields=["basis", "allowed_until"], name="projected_allowed"),
                    models.Index(
                        condition=models.Q(("is_plain", False)),
                        fields=["visitor_id"],
                        name="projected_not_plain",
                    ),
                ],
            },
        ),
        migrations.RunSQL(
            CASCADE,
            "ALTER TABLE personalization_projectedprofile DROP CONSTRAINT projectedprofile_profile",
        ),
        migrations.RunSQL(FOLLOW, FORGET),
    ]
