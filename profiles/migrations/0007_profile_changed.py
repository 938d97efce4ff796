"""Who follows the changes of profiles finds them by when they were written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("profiles", "0006_declared_features")]

    operations = [
        migrations.AddIndex(
            "profile", models.Index(fields=["updated_at", "visitor_id"], name="profile_changed")
        ),
    ]
