"""A notice that was shown stays as it was: PostgreSQL refuses to change or delete it."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION consent_notice_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a notice version is immutable' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER consent_notice_immutable BEFORE UPDATE OR DELETE ON consent_noticeversion
    FOR EACH ROW EXECUTE FUNCTION consent_notice_refuse();
"""
BACKWARD = """
DROP TRIGGER consent_notice_immutable ON consent_noticeversion;
DROP FUNCTION consent_notice_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("consent", "0001_consent")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
