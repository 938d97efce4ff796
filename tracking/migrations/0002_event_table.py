"""The event table, partitioned by month of `occurred_at`; partitions are made as needed."""

from django.db import migrations

EVENT_TABLE = """
CREATE TABLE tracking_event (
    visitor_id uuid NOT NULL,
    id uuid NOT NULL,
    part smallint NOT NULL DEFAULT 0,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    shard smallint NOT NULL,
    seq bigint NOT NULL,
    type varchar(40) NOT NULL,
    visit_id uuid,
    view_id uuid,
    starts_visit boolean NOT NULL DEFAULT false,
    is_bot boolean NOT NULL DEFAULT false,
    basis varchar(120) NOT NULL,
    source varchar(60) NOT NULL,
    device varchar(8) NOT NULL,
    path text NOT NULL,
    referrer_host text NOT NULL,
    item text NOT NULL,
    category text NOT NULL,
    content_type text NOT NULL,
    value double precision,
    properties jsonb,
    PRIMARY KEY (visitor_id, id, part, occurred_at)
) PARTITION BY RANGE (occurred_at);
CREATE INDEX tracking_event_shard_seq ON tracking_event (shard, seq);
"""


class Migration(migrations.Migration):
    dependencies = [("tracking", "0001_tables")]

    operations = [migrations.RunSQL(EVENT_TABLE, "DROP TABLE tracking_event")]
