"""Every shard gets its row: from here on their number is what the data was made with.

tracking.checks refuses to start with another number.
"""

from django.conf import settings
from django.db import migrations


def seed_shards(apps, schema_editor):
    Shard = apps.get_model("tracking", "Shard")
    Shard.objects.bulk_create(
        [Shard(id=number) for number in range(settings.SHARDS)], ignore_conflicts=True
    )


class Migration(migrations.Migration):
    dependencies = [("tracking", "0006_event_times")]

    operations = [migrations.RunPython(seed_shards, migrations.RunPython.noop)]
