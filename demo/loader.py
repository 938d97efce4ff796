"""Loads the demonstration: content from demo/content/, showcase rows, groups and logins.

Rerunnable: rows that exist keep what people have made of them, unless `overwrite` is asked for.
"""

import json
import os
import secrets
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.db import transaction

from demo.context_processors import navigation
from demo.showcase import CAMPAIGNS, SLOTS, TEST_PROFILES, VARIANTS
from personalization import services

CONTENT = Path(__file__).parent / "content"
LOGINS = ("admin", "marketer", "editor")
BY = "load_demo"


class ContentError(ValueError):
    """A content file cannot be used; the message names the file and the item."""


def demo_load(
    *, logins_path: Path, content: Path | None = None, overwrite: bool = False
) -> Counter[str]:
    """Load everything that is missing; how many rows of each kind were made or written over."""
    files = content_read(content or CONTENT)
    loader = Loader(overwrite=overwrite)
    with transaction.atomic():
        loader.content(files)
        loader.showcase()
        loader.test_profiles()
        loader.logins(logins_path)
        services.ruleset_publish(by=BY)
    navigation.forget()
    return loader.counts


def content_read(folder: Path = CONTENT) -> list[dict[str, Any]]:
    """The content files: each `{"category": {...}, "items": [{...}]}`. Raises ContentError."""
    files = []
    for path in sorted(folder.glob("*.toml")):
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
            category = document["category"]
            items = [_item(row, path) for row in document["items"]]
        except (tomllib.TOMLDecodeError, KeyError) as error:
            raise ContentError(f"{path.name}: {error}") from error
        files.append({"category": category, "items": items})
    return files


def _item(row: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """A content item's fields from its table; `type` and `published` are short for the file."""
    try:
        fields = {
            "slug": row["slug"],
            "title": row["title"],
            "summary": row["summary"],
            "body": row["body"].strip(),
            "content_type": row["type"],
            "tags": list(row.get("tags", ())),
            "minutes": row.get("minutes"),
            "price": Decimal(str(row["price"])) if "price" in row else None,
            "image": row.get("image", ""),
            "published_at": _moment(row["published"]),
        }
    except (KeyError, ValueError, ArithmeticError) as error:
        name = row.get("slug", "an item without a slug")
        raise ContentError(f"{path.name}, {name}: {error}") from error
    return fields


def _moment(value: object) -> datetime:
    """A day or a moment as TOML has it, or in ISO 8601; days begin at midnight UTC."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return datetime.combine(value, time(), tzinfo=UTC)
    raise ValueError(f"not a date: {value!r}")


class Loader:
    """Writes rows that are missing and counts them.

    The models are reached through the registry, as fixtures reach them: the demo fills tables,
    it does not use personalization's code for anything but publishing.
    """

    def __init__(self, *, overwrite: bool) -> None:
        self.overwrite = overwrite
        self.counts: Counter[str] = Counter()

    def content(self, files: Sequence[Mapping[str, Any]]) -> None:
        categories = self._put("Category", "slug", [file["category"] for file in files])
        items = [
            {**fields, "category": categories[file["category"]["slug"]]}
            for file in files
            for fields in file["items"]
        ]
        self._put("ContentItem", "slug", items)

    def showcase(self) -> None:
        categories = {row.slug: row for row in _model("Category").objects.all()}
        variants = self._put(
            "Variant",
            "name",
            [{**row, "category": categories.get(row.get("category", ""))} for row in VARIANTS],
        )
        slots = self._put(
            "Slot", "key", [{**row, "default": variants[row["default"]]} for row in SLOTS]
        )
        campaigns = [
            {**row, "slot": slots[row["slot"]], "variant": variants[row["variant"]]}
            for row in CAMPAIGNS
        ]
        known = set(_model("Campaign").objects.values_list("name", flat=True))
        for name, campaign in self._put("Campaign", "name", campaigns).items():
            if name not in known:
                services.campaign_publish(campaign=campaign, by=BY)
            elif self.overwrite:
                with suppress(ValidationError):  # says so already, or waits for somebody's review
                    services.campaign_publish(campaign=campaign, by=BY)

    def test_profiles(self) -> None:
        """Invented visitors; what they like and did comes with those that are made now."""
        categories = {row.slug: row for row in _model("Category").objects.all()}
        known = set(_model("TestProfile").objects.values_list("name", flat=True))
        rows = [
            {key: value for key, value in row.items() if key not in ("interests", "doings")}
            for row in TEST_PROFILES
        ]
        profiles = self._put("TestProfile", "name", rows)
        for row in (row for row in TEST_PROFILES if row["name"] not in known):
            profile = profiles[row["name"]]
            for slug, strength in row["interests"].items():
                profile.interests.create(category=categories[slug], strength=strength)
            for name, slug, times, days in row["doings"]:
                profile.doings.create(type=name, category=categories[slug], times=times, days=days)

    def logins(self, path: Path) -> None:
        """Logins with random passwords, told in a file for the owner alone."""
        groups = {
            "marketer": services.marketer_group_ensure(),
            "editor": services.editor_group_ensure(),
        }
        users = get_user_model().objects
        passwords = {}
        for name in LOGINS:
            if users.filter(username=name).exists():
                continue
            passwords[name] = secrets.token_urlsafe(9)
            user = users.create_user(
                username=name,
                password=passwords[name],
                is_staff=True,
                is_superuser=name == "admin",
            )
            if name in groups:
                user.groups.add(groups[name])
        self.counts["login"] += len(passwords)
        if passwords:
            transaction.on_commit(lambda: logins_write(path, passwords))

    def _put(self, model: str, key: str, wanted: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Make the rows that are missing; all that are wanted, by their key."""
        manager = _model(model).objects
        keys = [fields[key] for fields in wanted]
        known = set(manager.filter(**{f"{key}__in": keys}).values_list(key, flat=True))
        missing = [_model(model)(**fields) for fields in wanted if fields[key] not in known]
        manager.bulk_create(missing)
        if self.overwrite:
            for fields in (fields for fields in wanted if fields[key] in known):
                manager.update_or_create(**{key: fields[key]}, defaults=fields)
        written = len(wanted) if self.overwrite else len(missing)
        self.counts[_model(model)._meta.verbose_name] += written
        return {getattr(row, key): row for row in manager.filter(**{f"{key}__in": keys})}


def _model(name: str) -> Any:
    return apps.get_model("personalization", name)


def logins_write(path: Path, passwords: Mapping[str, str]) -> None:
    """Add to the file of demo logins, which only its owner can read (0600)."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({**known, **passwords}, file, indent=2)
