"""What cleaning adds to an event: the client's own time, what of it counts, and why not all."""

from django.db import migrations

ADD = """
ALTER TABLE tracking_event ADD COLUMN reported_at timestamptz;
UPDATE tracking_event SET reported_at = occurred_at;
ALTER TABLE tracking_event ALTER COLUMN reported_at SET NOT NULL;
ALTER TABLE tracking_event
    ADD COLUMN amount double precision NOT NULL DEFAULT 1,
    ADD COLUMN outlier varchar(12) NOT NULL DEFAULT '',
    ADD COLUMN repeats smallint NOT NULL DEFAULT 0,
    ADD COLUMN medium varchar(10) NOT NULL DEFAULT '';
UPDATE tracking_event SET amount = coalesce(value, 0)
    WHERE type IN (SELECT name FROM tracking_eventtype WHERE unit <> 'event');
CREATE INDEX tracking_event_outlier ON tracking_event (occurred_at) WHERE outlier <> '';
"""
REMOVE = """
DROP INDEX tracking_event_outlier;
ALTER TABLE tracking_event DROP COLUMN reported_at, DROP COLUMN amount, DROP COLUMN outlier,
    DROP COLUMN repeats, DROP COLUMN medium;
"""


class Migration(migrations.Migration):
    dependencies = [("tracking", "0008_weight_words")]

    operations = [migrations.RunSQL(ADD, REMOVE)]
