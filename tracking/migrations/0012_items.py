"""What items are about, as told by `tracking.services.item_describe`."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracking", "0011_standard_schemas")]

    operations = [
        migrations.CreateModel(
            name="Item",
            fields=[
                ("item", models.CharField(max_length=200, primary_key=True, serialize=False)),
                ("category", models.CharField(blank=True, max_length=64)),
                ("content_type", models.CharField(blank=True, max_length=64)),
            ],
            options={"verbose_name": "described item"},
        ),
    ]
