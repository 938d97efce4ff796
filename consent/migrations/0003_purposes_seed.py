"""The first purposes. Rerunnable: a purpose that exists keeps the text it was given since."""

from dataclasses import asdict

from django.db import migrations

from consent.purposes import PURPOSES


def seed(apps, schema_editor):
    purpose_model = apps.get_model("consent", "Purpose")
    for purpose in PURPOSES:
        fields = asdict(purpose)
        purpose_model.objects.get_or_create(key=fields.pop("key"), defaults=fields)


class Migration(migrations.Migration):
    dependencies = [("consent", "0002_notice_immutable")]

    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
