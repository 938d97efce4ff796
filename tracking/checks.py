"""What must be true of the database before anything works on it."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import Error, Tags, register
from django.db.models import Max
from django.db.utils import ProgrammingError

from tracking.models import Shard


@register(Tags.database)
def shards_check(*, databases: Sequence[str] | None = None, **options: Any) -> list[Error]:
    """SHARDS is the number the data was made with.

    With another one a visitor's events would go through two shards, and two workers at a time.
    """
    if not databases:
        return []
    try:
        last = Shard.objects.aggregate(last=Max("id"))["last"]
    except ProgrammingError:
        return []  # not migrated yet
    if last is None or last + 1 == settings.SHARDS:
        return []
    line = (
        f"SHARDS={settings.SHARDS}, but this database was made with {last + 1}, "
        f"which cannot be changed: set SHARDS={last + 1}."
    )
    return [Error(line, id="tracking.E001")]
