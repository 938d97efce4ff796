"""What quarantine is looked through by; apart from 0013, whose rows have checks pending."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("tracking", "0018_quarantine")]

    operations = [
        migrations.AddConstraint(
            "quarantine",
            models.UniqueConstraint(
                condition=~Q(("reason", "unprocessable")),
                fields=("run", "line"),
                name="quarantine_run_line",
            ),
        ),
        migrations.AddIndex(
            "quarantine", models.Index(fields=["refused_at"], name="quarantine_refused")
        ),
        migrations.AddIndex(
            "quarantine",
            models.Index(
                condition=Q(("run__isnull", True)),
                fields=["reason", "refused_at"],
                name="quarantine_reason_day",
            ),
        ),
        migrations.AddIndex(
            "quarantine",
            models.Index(
                condition=Q(("visitor_id__isnull", False)),
                fields=["visitor_id"],
                name="quarantine_visitor",
            ),
        ),
        migrations.AddIndex(
            "quarantine",
            models.Index(
                condition=Q(("replay__isnull", False)),
                fields=["replay", "id"],
                name="quarantine_replay",
            ),
        ),
        migrations.RemoveIndex("inbox", "inbox_waiting"),
        migrations.RemoveField("inbox", "set_aside"),
        migrations.AddIndex("inbox", models.Index(fields=["shard", "id"], name="inbox_shard_id")),
    ]
