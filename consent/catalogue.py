"""The active purposes, remembered by each process for a second.

Every page and every event asks for them, and they change a few times a year.
"""

import json
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db.models.signals import post_delete, post_save

from consent.logic import Versions
from consent.models import Purpose
from consent.purposes import PurposeText

SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The active purposes in display order, and their current versions."""

    purposes: tuple[PurposeText, ...]
    versions: Versions
    versions_json: str


def current() -> Catalogue:
    """The catalogue as it is now, at most a second old."""
    return _read(int(time.monotonic() / SECONDS))


def forget(**_: Any) -> None:
    """Read the table again the next time; connected to `Purpose` being saved or deleted."""
    _read.cache_clear()


@lru_cache(maxsize=1)
def _read(second: int) -> Catalogue:
    purposes = tuple(
        PurposeText(
            key=row.key,
            title=row.title,
            description=row.description,
            collected=row.collected,
            retention=row.retention,
            order=row.order,
            version=row.version,
        )
        for row in Purpose.objects.filter(is_active=True)
    )
    versions = {purpose.key: purpose.version for purpose in purposes}
    return Catalogue(purposes, versions, json.dumps(versions))


for _signal in (post_save, post_delete):
    _signal.connect(forget, sender=Purpose, dispatch_uid="consent.catalogue")
