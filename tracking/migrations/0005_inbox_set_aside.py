"""A request that no worker can drain is set aside: it waits for people, and nobody for it."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("tracking", "0004_inbox_storage")]

    operations = [
        migrations.AlterModelOptions(
            name="inbox",
            options={"verbose_name": "request in the inbox", "verbose_name_plural": "inbox"},
        ),
        migrations.AddField(
            model_name="inbox",
            name="set_aside",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="Why no worker could drain it.",
                max_length=500,
            ),
        ),
        migrations.RemoveIndex(model_name="inbox", name="inbox_shard_id"),
        migrations.AddIndex(
            model_name="inbox",
            index=models.Index(
                condition=Q(("set_aside", "")),
                fields=["shard", "id"],
                name="inbox_waiting",
            ),
        ),
        migrations.AddIndex(
            model_name="inbox",
            index=models.Index(
                condition=Q(("visitor_id__isnull", False)),
                fields=["visitor_id"],
                name="inbox_visitor",
            ),
        ),
    ]
