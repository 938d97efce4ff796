"""Campaigns as a JSON file: its format, and a file read into values or named errors. Pure.

docs/campaigns.schema.json is the same as a JSON Schema. What never gets in: requests, storage.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from personalization.campaigns.interchange_limits import limits_read
from personalization.campaigns.zones import LocalTimeError, instant_from_local, is_zone
from personalization.rules.tree import RuleError, rule_as_json, rule_parse

FORMAT = "attune-campaigns"
VERSION = 1
MAX_BYTES = 512 * 1024
MAX_CAMPAIGNS = 200
LOCAL = "%Y-%m-%dT%H:%M"

#: What a variant says, with the most characters of each.
VARIANT_TEXTS = {
    "eyebrow": 60, "headline": 120, "text": 300, "body": 5000, "button_label": 40,
    "button_url": 200, "image": 120, "items": 16, "category": 64,
}  # fmt: skip
CAMPAIGN_KEYS = ("name", "slot", "variant", "rule", "priority", "schedule", "frequency")
SCHEDULE_KEYS = ("zone", "starts", "ends")

Errors = dict[str, str]


class InterchangeError(ValueError):
    """A file of which nothing can be used; the message says why, and what to do."""


@dataclass
class Entry:
    """One campaign of a file. `errors` are messages by field; values are usable without any.

    `variant` is None for a campaign that only names a variant that is there already. `limits` are
    as a version holds them, but for the exclusion group, which goes by its name.
    """

    name: str
    slot: str = ""
    variant_name: str = ""
    variant: dict[str, str] | None = None
    rule: dict[str, Any] = field(default_factory=dict)
    priority: int = 50
    zone: str = "UTC"
    starts: datetime | None = None
    ends: datetime | None = None
    limits: dict[str, Any] = field(default_factory=dict)
    errors: Errors = field(default_factory=dict)


def entries_read(content: bytes) -> list[Entry]:
    """The campaigns of a file. Raises InterchangeError when it is no such file."""
    if len(content) > MAX_BYTES:
        raise InterchangeError(f"The file is larger than {MAX_BYTES // 1024} KB: split it.")
    document = _document(content)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise InterchangeError(f"This is no file of campaigns: its “format” must be “{FORMAT}”.")
    if document.get("version") != VERSION or isinstance(document["version"], bool):
        raise InterchangeError(f"“version” must be {VERSION}: export the file again.")
    _only(document, ("format", "version", "campaigns"), InterchangeError)
    rows = document.get("campaigns")
    if not isinstance(rows, list) or not rows:
        raise InterchangeError("“campaigns” must be a list of at least one campaign.")
    if len(rows) > MAX_CAMPAIGNS:
        raise InterchangeError(f"The file has more than {MAX_CAMPAIGNS} campaigns: split it.")
    entries = [_entry(row, index) for index, row in enumerate(rows)]
    seen: set[str] = set()
    for entry in entries:
        if entry.name in seen:
            entry.errors["name"] = "Another campaign of this file has the same name."
        seen.add(entry.name)
    return entries


def _document(content: bytes) -> Any:
    try:
        return json.loads(
            content.decode("utf-8-sig"),
            object_pairs_hook=_pairs,
            parse_constant=_constant,
        )
    except UnicodeDecodeError:
        raise InterchangeError("The file is not UTF-8 text.") from None
    except RecursionError:
        raise InterchangeError("The file nests too deep.") from None
    except json.JSONDecodeError as error:
        raise InterchangeError(
            f"The file is not JSON: line {error.lineno}, column {error.colno}."
        ) from None
    except InterchangeError:
        raise
    except ValueError:
        raise InterchangeError("The file holds a number that is too long.") from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise InterchangeError("The file names a field twice in one place.")
    return found


def _constant(name: str) -> Any:
    raise InterchangeError(f"The file holds {name}, which is not JSON.")


def _only(given: Mapping[str, Any], known: tuple[str, ...], error: type[InterchangeError]) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise error(f"There is no field “{_short(unknown[0])}”; known are: {', '.join(known)}.")


def _entry(row: Any, index: int) -> Entry:
    if not isinstance(row, dict):
        return Entry(f"Number {index + 1}", errors={"": "A campaign is an object."})
    errors: Errors = {}
    name = _text(row.get("name"), "name", 80, errors, required=True)
    entry = Entry(name or f"Number {index + 1}", errors=errors)
    _unknown(row, CAMPAIGN_KEYS, "", errors)
    entry.slot = _text(row.get("slot"), "slot", 64, errors, required=True)
    entry.priority = _priority(row.get("priority", 50), errors)
    entry.rule = _rule(row.get("rule", {}), errors)
    _variant(row.get("variant"), entry)
    _schedule(row.get("schedule", {}), entry)
    entry.limits = limits_read(row.get("frequency", {}), errors)
    return entry


def _variant(given: Any, entry: Entry) -> None:
    errors = entry.errors
    if not isinstance(given, dict):
        errors["variant"] = "Use an object with at least its name."
        return
    entry.variant_name = _text(given.get("name"), "variant.name", 80, errors, required=True)
    _unknown(given, ("name", *VARIANT_TEXTS), "variant.", errors)
    if set(given) > {"name"}:
        entry.variant = {
            key: _text(given.get(key, ""), f"variant.{key}", length, errors)
            for key, length in VARIANT_TEXTS.items()
        }
        if not entry.variant["headline"]:
            errors.setdefault("variant.headline", "This is needed.")


def _schedule(given: Any, entry: Entry) -> None:
    errors = entry.errors
    if not isinstance(given, dict):
        errors["schedule"] = "Use an object with zone, starts and ends."
        return
    _unknown(given, SCHEDULE_KEYS, "schedule.", errors)
    zone = given.get("zone", "UTC")
    if not isinstance(zone, str) or not is_zone(zone):
        errors["schedule.zone"] = f"There is no time zone “{_short(zone)}”."
        return
    entry.zone = zone
    entry.starts = _local(given.get("starts"), "schedule.starts", zone, errors)
    entry.ends = _local(given.get("ends"), "schedule.ends", zone, errors)
    if entry.starts and entry.ends and entry.ends <= entry.starts:
        errors["schedule.ends"] = "The end must be after the start."


def _local(given: Any, where: str, zone: str, errors: Errors) -> datetime | None:
    if given is None:
        return None
    try:
        return instant_from_local(datetime.strptime(given, LOCAL), zone)
    except LocalTimeError as error:
        errors[where] = str(error)
    except (TypeError, ValueError, OverflowError):
        errors[where] = "Use null, or a date and time like 2026-03-01T09:00."
    return None


def _rule(given: Any, errors: Errors) -> dict[str, Any]:
    if given == {}:
        return {}
    try:
        return rule_as_json(rule_parse(given))
    except RuleError as error:
        errors["rule"] = printable(error, 300)
    return {}


def _priority(given: Any, errors: Errors) -> int:
    if isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= 100:
        return given
    errors["priority"] = "Use a whole number from 1 to 100."
    return 50


def _text(given: Any, where: str, length: int, errors: Errors, *, required: bool = False) -> str:
    """A text of printable characters; "" and an error for anything else."""
    message = ""
    if given is None and not required:
        return ""
    if not isinstance(given, str):
        message = "This is needed." if given is None else "Use text."
    elif len(given) > length:
        message = f"Use at most {length} characters; there are {len(given):,}."
    elif not all(character.isprintable() or character in "\n\r\t" for character in given):
        message = "It holds a character that cannot be shown."
    elif required and not given.strip():
        message = "This is needed."
    if message:
        errors[where] = message
        return ""
    return str(given)


def _unknown(given: Mapping[str, Any], known: tuple[str, ...], where: str, errors: Errors) -> None:
    for key in sorted(set(given) - set(known))[:5]:
        errors[f"{where}{_short(key)}"] = f"There is no such field; known are: {', '.join(known)}."


def printable(value: Any, length: int) -> str:
    """A text that can be shown, cut where it is too long.

    >>> printable("a\x00b", 60), printable("abcdef", 3)
    ('a?b', 'abc…')
    """
    text = str(value)
    return "".join(c if c.isprintable() else "?" for c in text[:length]) + "…" * (
        len(text) > length
    )


def _short(value: Any) -> str:
    return printable(value, 60)
