"""One place for what could not be used and may be mended.

Requests that no worker could drain move here from the inbox, each event by itself. Lines that are
here already were cut to 2,000 characters and cannot be tried again.
"""

import django.db.models.deletion
import django.utils.timezone
import msgspec
from django.db import migrations, models

PAYLOAD_CHARS = 20_000


def requests_move(apps, schema_editor):
    """Each request that was set aside becomes its events."""
    Inbox = apps.get_model("tracking", "Inbox")
    Quarantine = apps.get_model("tracking", "Quarantine")
    ImportRun = apps.get_model("tracking", "ImportRun")
    for row in Inbox.objects.exclude(set_aside="").iterator(chunk_size=100):
        number = row.source.rpartition("#")[2]
        run = ImportRun.objects.filter(pk=number).first() if number.isdigit() else None
        quarantined = []
        for raw in msgspec.json.decode(bytes(row.payload), type=list[msgspec.Raw]):
            event, text = msgspec.json.decode(raw), bytes(raw).decode()
            quarantined.append(
                Quarantine(
                    run=run,
                    line=None if row.visitor_id else event.get("line"),
                    visitor_id=row.visitor_id or event.get("visitor"),
                    source=row.source,
                    reason="unprocessable",
                    detail=row.set_aside[:300],
                    payload=text[:PAYLOAD_CHARS],
                    whole=len(text) <= PAYLOAD_CHARS,
                    basis=row.basis,
                    device=row.device,
                    is_bot=row.is_bot,
                    skew_ms=row.skew_ms,
                    received_at=row.received_at,
                )
            )
        Quarantine.objects.bulk_create(quarantined, batch_size=500)
        row.delete()


def lines_name(apps, schema_editor):
    """Say of the lines that are there where they came from."""
    Quarantine = apps.get_model("tracking", "Quarantine")
    ImportRun = apps.get_model("tracking", "ImportRun")
    for run in ImportRun.objects.iterator():
        Quarantine.objects.filter(run=run).update(
            source=f"{run.source}#{run.pk}", whole=False, received_at=run.started_at
        )


class Migration(migrations.Migration):
    dependencies = [("tracking", "0017_retention_runs")]

    operations = [
        migrations.AddField(
            "importrun",
            "mapping",
            models.TextField(
                blank=True,
                default="",
                help_text="What the columns mean. Mend it here, then try the refused lines again; the file that was given to the command stays as it is.",
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "importrun",
            "columns",
            models.JSONField(default=list, help_text="The header of a CSV file."),
        ),
        migrations.AddField(
            "importrun",
            "purposes",
            models.CharField(
                blank=True, default="", help_text="Attested for its visitors.", max_length=120
            ),
            preserve_default=False,
        ),
        migrations.AddField(
            "retentionrun",
            "quarantine_deleted",
            models.BigIntegerField(default=0, verbose_name="quarantined deleted"),
        ),
        migrations.CreateModel(
            name="QuarantineReplay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("started_by", models.CharField(max_length=150)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(null=True)),
                ("cancelled", models.BooleanField(default=False)),
                ("total", models.BigIntegerField(default=0)),
                ("done", models.BigIntegerField(default=0)),
                ("failed", models.BigIntegerField(default=0)),
            ],
            options={"verbose_name": "replay", "ordering": ("-started_at",)},
        ),
        migrations.AlterModelOptions(
            "quarantine",
            {
                "ordering": ("-refused_at", "-id"),
                "verbose_name": "quarantined row",
                "verbose_name_plural": "quarantined rows",
            },
        ),
        migrations.RemoveConstraint("quarantine", "quarantine_run_line"),
        migrations.AlterField(
            "quarantine",
            "run",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="refused",
                to="tracking.importrun",
            ),
        ),
        migrations.AlterField("quarantine", "line", models.BigIntegerField(null=True)),
        migrations.AddField(
            "quarantine", "visitor_id", models.UUIDField(null=True, verbose_name="visitor")
        ),
        migrations.AddField(
            "quarantine",
            "source",
            models.CharField(default="", max_length=60),
            preserve_default=False,
        ),
        migrations.AddField(
            "quarantine",
            "whole",
            models.BooleanField(default=True, verbose_name="can be tried again"),
        ),
        migrations.AddField(
            "quarantine",
            "basis",
            models.CharField(blank=True, default="", max_length=120),
            preserve_default=False,
        ),
        migrations.AddField(
            "quarantine",
            "device",
            models.CharField(blank=True, default="", max_length=8),
            preserve_default=False,
        ),
        migrations.AddField(
            "quarantine", "is_bot", models.BooleanField(default=False, verbose_name="from a bot")
        ),
        migrations.AddField("quarantine", "skew_ms", models.BigIntegerField(default=0)),
        migrations.AddField(
            "quarantine",
            "received_at",
            models.DateTimeField(default=django.utils.timezone.now, verbose_name="received"),
        ),
        migrations.AddField(
            "quarantine",
            "refused_at",
            models.DateTimeField(default=django.utils.timezone.now, verbose_name="refused"),
        ),
        migrations.AddField(
            "quarantine",
            "replay",
            models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="rows",
                to="tracking.quarantinereplay",
            ),
        ),
        migrations.RunPython(lines_name, migrations.RunPython.noop),
        migrations.RunPython(requests_move, migrations.RunPython.noop),
    ]
