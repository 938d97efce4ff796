"""What happened since a moment, found without reading a month: rows come in order of time."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tracking", "0005_inbox_set_aside")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX tracking_event_occurred ON tracking_event USING brin (occurred_at)",
            "DROP INDEX tracking_event_occurred",
        )
    ]
