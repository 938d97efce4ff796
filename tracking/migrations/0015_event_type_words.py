"""Event types are called what they are, now that people add their own."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tracking", "0014_visitor_merge")]

    operations = [
        migrations.AlterModelOptions(
            name="eventtype",
            options={"ordering": ("kind", "-weight"), "verbose_name": "event type"},
        ),
    ]
