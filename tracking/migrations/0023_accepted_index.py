"""Where a rebuild finds the visitors of whom somebody let an event count in full. They are few."""

from django.db import migrations

FORWARDS = """
CREATE INDEX tracking_event_accepted ON tracking_event (visitor_id) WHERE outlier = 'accepted';
"""


class Migration(migrations.Migration):
    dependencies = [("tracking", "0022_visitors_expire")]

    operations = [migrations.RunSQL(FORWARDS, "DROP INDEX tracking_event_accepted;")]
