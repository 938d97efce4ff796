"""Load the demonstration's content, campaigns and logins. Safe to run again."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from demo.loader import ContentError, demo_load


class Command(BaseCommand):
    help = "Load the demo: categories, items, slots, variants, published campaigns, three logins."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--overwrite",
            action="store_true",
            help="put the demo's rows back as shipped, also those somebody has edited",
        )

    def handle(self, **options: Any) -> None:
        try:
            counts = demo_load(
                logins_path=settings.DATA_DIR / "demo-logins.json",
                overwrite=options["overwrite"],
            )
        except ContentError as error:
            raise CommandError(str(error)) from error
        made = [f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items()]
        written = ", ".join(text.replace("categorys", "categories") for text in made)
        self.stdout.write(f"Demo loaded: {written}.")
