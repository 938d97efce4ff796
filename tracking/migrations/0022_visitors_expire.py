"""How many visitors without events a retention run forgot."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tracking", "0021_activity_counts")]

    operations = [
        migrations.AddField(
            model_name="retentionrun",
            name="visitors_deleted",
            field=models.BigIntegerField(default=0, verbose_name="visitors forgotten"),
        ),
    ]
