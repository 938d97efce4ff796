"""A standing as JSON: in the cache, and as the `choices` column of `EffectiveConsent`.

Times are integer microseconds since 1970, so that what is read back equals what was written.

Boundary: pure; whatever is not exactly a dumped standing raises ValueError and is never a grant.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from consent.logic import Choice, Standing

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def standing_dump(standing: Standing) -> bytes:
    """JSON for the cache: times as integer microseconds since 1970.

    >>> standing_dump(Standing({"measurement": Choice(True, EPOCH, 1)}))
    b'{"choices":{"measurement":[1,0,1,0]},"fenced":null}'
    """
    fenced = None if standing.fenced_at is None else _microseconds(standing.fenced_at)
    value = {"choices": choices_dump(standing.choices), "fenced": fenced}
    return json.dumps(value, separators=(",", ":")).encode()


def standing_load(raw: bytes | str) -> Standing:
    """The inverse of `standing_dump`; raises ValueError for anything else.

    >>> standing_load(b'{"choices":{"measurement":[1,0,1,0]},"fenced":null}').granted
    frozenset({'measurement'})
    """
    try:
        value = json.loads(raw)
        fenced = value["fenced"]
        return Standing(
            choices_load(value["choices"]),
            None if fenced is None else _moment(fenced),
        )
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ) as error:
        raise ValueError("not a consent standing") from error


def choices_dump(choices: Mapping[str, Choice]) -> dict[str, list[int]]:
    """Choices as [granted, at, version, gpc_seen] per purpose, all integers."""
    return {
        key: [int(choice.granted), _microseconds(choice.at), choice.version, int(choice.gpc_seen)]
        for key, choice in choices.items()
    }


def choices_load(value: Mapping[str, list[int]]) -> dict[str, Choice]:
    """The inverse of `choices_dump`."""
    return {
        key: Choice(granted == 1, _moment(at), version, gpc_seen == 1)
        for key, (granted, at, version, gpc_seen) in value.items()
    }


def _microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def _moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)
