"""Keep request bodies as they come: compressing what is deleted within a second is waste."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tracking", "0003_standard_types")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE tracking_inbox ALTER COLUMN payload SET STORAGE EXTERNAL",
            "ALTER TABLE tracking_inbox ALTER COLUMN payload SET STORAGE EXTENDED",
        )
    ]
