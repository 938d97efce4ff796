"""The standard event types. Rerunnable: a type that is there keeps what a marketer set."""

from django.db import migrations

from tracking.taxonomy import STANDARD_TYPES


def seed_types(apps, schema_editor):
    EventType = apps.get_model("tracking", "EventType")
    for standard in STANDARD_TYPES:
        EventType.objects.get_or_create(
            name=standard.name,
            defaults={
                "label": standard.label,
                "kind": standard.kind,
                "unit": standard.unit,
                "weight": standard.weight,
                "value_cap": standard.value_cap,
            },
        )


class Migration(migrations.Migration):
    dependencies = [("tracking", "0002_event_table")]

    operations = [migrations.RunPython(seed_types, migrations.RunPython.noop)]
