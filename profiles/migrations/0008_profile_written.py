"""Who follows the changes of profiles finds them by when they were written."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("profiles", "0007_profile_changed_index")]

    operations = [
        migrations.AddIndex(
            "profile", models.Index(fields=["updated_at", "visitor_id"], name="profile_written")
        ),
    ]
