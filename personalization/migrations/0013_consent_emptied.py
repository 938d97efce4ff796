"""Changes of consent are noted wherever they come from: under any search_path, as a restored dump
has none, and when all records go at once, which is a change of no row."""

from django.db import migrations

EMPTIED = """
CREATE FUNCTION personalization_consent_emptied() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE personalization_projectedprofile SET allowed_until = NULL
        WHERE allowed_until IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER personalization_consent_emptied AFTER TRUNCATE ON consent_effectiveconsent
    FOR EACH STATEMENT EXECUTE FUNCTION personalization_consent_emptied();
ALTER FUNCTION personalization_consent_emptied() SET search_path FROM CURRENT;
ALTER FUNCTION personalization_consent_note() SET search_path FROM CURRENT;
"""
FORGET = """
DROP TRIGGER personalization_consent_emptied ON consent_effectiveconsent;
DROP FUNCTION personalization_consent_emptied();
ALTER FUNCTION personalization_consent_note() RESET search_path;
"""


class Migration(migrations.Migration):
    dependencies = [("personalization", "0012_reach_narrow")]

    operations = [migrations.RunSQL(EMPTIED, FORGET)]
