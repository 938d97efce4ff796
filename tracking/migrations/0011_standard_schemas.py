"""The complete standard event types. Rerunnable: what a marketer has set is kept."""

from django.db import migrations

from tracking.taxonomy import STANDARD_TYPES


def seed_types(apps, schema_editor):
    EventType = apps.get_model("tracking", "EventType")
    for standard in STANDARD_TYPES:
        event_type, _ = EventType.objects.get_or_create(
            name=standard.name,
            defaults={
                "label": standard.label,
                "kind": standard.kind,
                "unit": standard.unit,
                "weight": standard.weight,
                "value_cap": standard.value_cap,
            },
        )
        given = {
            "properties": dict(standard.properties),
            "repeat_ms": standard.repeat_ms,
            "half_life_short": standard.half_life_short,
            "half_life_long": standard.half_life_long,
            "retention_days": standard.retention_days,
        }
        # A column that holds its default has not been set by anyone.
        unset = [
            name
            for name in given
            if getattr(event_type, name) == EventType._meta.get_field(name).get_default()
        ]
        for name in unset:
            setattr(event_type, name, given[name])
        event_type.save(update_fields=unset)


class Migration(migrations.Migration):
    dependencies = [("tracking", "0010_taxonomy")]

    operations = [migrations.RunPython(seed_types, migrations.RunPython.noop)]
