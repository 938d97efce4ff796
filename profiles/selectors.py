"""Profiles for reading: from the cache on a page's path, from PostgreSQL everywhere else."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

import msgspec
from django.conf import settings
from django.core.cache import cache
from django.db import OperationalError, connection
from django.db.models import Max, Sum
from psycopg.errors import LockNotAvailable

from profiles import store
from profiles.baseline import Baseline
from profiles.definition import Definition
from profiles.features.definition import Feature
from profiles.features.fold import feature_read
from profiles.features.values import Value
from profiles.models import Baseline as BaselineRow
from profiles.models import DeclaredFeature, FoldCursor, Profile, Rebuild, SelfCheck
from profiles.models import Definition as DefinitionRow
from profiles.state import Masses, State, masses_decode, state_decode
from profiles.vector import Weight, Weights
from tracking import selectors as tracking_selectors

#: How long a profile stays cached: about a visit, and the longest a failed write can be seen.
PROFILE_CACHE_SECONDS = 600
#: Seconds without an event after which a visit has ended.
VISIT_GAP = 30 * 60.0
BASELINE_VERSION_KEY = "baseline:version"
#: How long a page trusts the cache on which baseline is current: the longest that one whose write
#: to the cache failed can be late.
BASELINE_VERSION_SECONDS = 600


#: How long a transaction that writes can hold up who follows the changes.
WRITES_PATIENCE = timedelta(minutes=5)


def profile_cache_key(visitor_id: UUID) -> str:
    return f"profile:{visitor_id}"


def profile_from_cache(visitor_id: UUID, raw: bytes | None) -> State | None:
    """The state of what the cache held; a miss is read from PostgreSQL and put there."""
    if raw is None:
        raw = _profile_raw(visitor_id) or b"null"
        cache.add(profile_cache_key(visitor_id), raw, timeout=PROFILE_CACHE_SECONDS)
    return state_decode(raw) if raw != b"null" else None


def profile_get(visitor_id: UUID) -> State | None:
    """A visitor's state from PostgreSQL; None when there is no profile."""
    raw = _profile_raw(visitor_id)
    return state_decode(raw) if raw else None


def _profile_raw(visitor_id: UUID) -> bytes | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM profiles_profile WHERE visitor_id = %s", (visitor_id,))
        row = cursor.fetchone()
        return bytes(row[0]) if row else None


def weights_current() -> Weights:
    """The marketers' signal weights as profiles.vector takes them."""
    return {
        name: Weight(signal.weight, signal.kind == "negative")
        for name, signal in tracking_selectors.signal_list().items()
    }


def definition_latest() -> Definition:
    """What profiles are to hold from now on."""
    row = DefinitionRow.objects.order_by("-version").first()
    return definition_get(row.version) if row else Definition()


@lru_cache(maxsize=64)
def definition_get(version: int) -> Definition:
    """A version of what profiles hold; it never changes."""
    if version == 0:
        return Definition()
    row = DefinitionRow.objects.get(version=version)
    return Definition(
        version,
        {name: (short, long) for name, (short, long) in row.half_lives.items()},
        tuple(msgspec.convert(document, Feature) for document in row.features),
    )


def features_declared() -> dict[str, Feature]:
    """What anybody needs, by key."""
    documents = DeclaredFeature.objects.values_list("key", "document")
    return {key: msgspec.convert(document, Feature) for key, document in documents}


def features_read(state: State, *, now: float) -> list[tuple[Feature, Value | None]]:
    """What a profile says of each feature it keeps, at `now` (seconds since 1970).

    The visit that goes on is the latest one, unless it has been quiet for VISIT_GAP.
    """
    goes_on = state.last is not None and now - state.last / 1000.0 <= VISIT_GAP
    visit = state.visit if goes_on else None
    return [
        (
            feature,
            feature_read(
                state.features.get(feature.key), feature, now, visit=visit, starts=state.starts
            ),
        )
        for feature in definition_get(state.definition).features
    ]


def features_live() -> frozenset[str]:
    """The keys of the declared features that every profile keeps, back to the first event.

    A feature that was declared a moment ago is not among them until its rebuild is done.
    """
    done = (
        Rebuild.objects.exclude(finished_at=None)
        .filter(shards__isnull=False)
        .exclude(shards__finished_at=None)
    )
    version = done.aggregate(version=Max("definition"))["version"] or 0
    return definition_get(version).keys & definition_latest().keys


def features_kept(state: State) -> frozenset[str]:
    """The keys of the declared features that this profile keeps, back to its first event."""
    return definition_get(state.definition).keys


def features_of(version: int) -> dict[str, Feature]:
    """The declared features that a version of what profiles hold keeps, by key."""
    return definition_get(version).by_key


def features_needs() -> dict[str, dict[str, Feature]]:
    """What is declared: who needs it, and the features by key."""
    needs: dict[str, dict[str, Feature]] = {}
    for needed_by, key, document in DeclaredFeature.objects.values_list(
        "needed_by", "key", "document"
    ):
        needs.setdefault(needed_by, {})[key] = msgspec.convert(document, Feature)
    return needs


class Progress(NamedTuple):
    """How far a rebuild is: `percent` 0 to 99, as long as it is not done."""

    percent: int
    events: int
    events_total: int
    profiles: int


def rebuild_progress() -> Progress | None:
    """The rebuild that is under way; None when there is none."""
    run = (
        Rebuild.objects.filter(finished_at=None)
        .annotate(events=Sum("shards__events"), profiles=Sum("shards__profiles"))
        .first()
    )
    if run is None:
        return None
    events, total = run.events or 0, sum(tracking_selectors.shard_seqs().values())
    return Progress(percent_of(events, total), events, total, run.profiles or 0)


def percent_of(events: int, total: int) -> int:
    """What part of all events was read, never quite all: the last step is not reading."""
    return min(99, 100 * events // total) if total else 99


def baseline_current(version: object = None) -> Baseline | None:
    """The current baseline; `version` is what the cache held, None when it did not know.

    A version never changes, so a process reads it once: with the version from the round trip that
    a page makes anyway, this costs no query and no round trip.
    """
    if not isinstance(version, int):
        version = baseline_version()
        cache.add(BASELINE_VERSION_KEY, version, timeout=BASELINE_VERSION_SECONDS)
    return _baseline_read(version) if version else None


def baseline_latest() -> Baseline | None:
    """The current baseline, from PostgreSQL: for the command line, the admin and the workers."""
    return _baseline_read(baseline_version())


def baseline_version() -> int:
    """The current baseline's number; 0 before the first."""
    return BaselineRow.objects.values_list("pk", flat=True).first() or 0


@lru_cache(maxsize=2)
def _baseline_read(version: int) -> Baseline | None:
    row = BaselineRow.objects.filter(pk=version).first()
    return Baseline(row.n, row.quantiles, row.daily_means, row.shares) if row else None


def visitor_recent(*, limit: int = 50) -> list[tuple[UUID, datetime]]:
    """The visitors seen last, newest first: id and when."""
    return list(Profile.objects.values_list("visitor_id", "last_event_at")[:limit])


def visitors_find(prefix: str, *, limit: int = 10) -> list[UUID]:
    """The visitors with a profile whose id begins so, with or without hyphens, in order."""
    digits = prefix.replace("-", "").lower()
    if not digits or len(digits) > 32 or set(digits) - set("0123456789abcdef"):
        return []
    low, high = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    found = Profile.objects.filter(visitor_id__range=(low, high)).order_by("visitor_id")
    return list(found.values_list("visitor_id", flat=True)[:limit])


def states_recent(*, since: datetime, limit: int) -> list[tuple[UUID, State]]:
    """The profiles that changed last, newest first, back to `since`."""
    return [(row[0], state_decode(row[1])) for row in _rows_recent(since, limit)]


def masses_recent(*, since: datetime, limit: int) -> list[tuple[UUID, Masses]]:
    """The masses of the profiles that changed last, newest first, back to `since`."""
    return [(row[0], masses_decode(row[1])) for row in _rows_recent(since, limit)]


def _rows_recent(since: datetime, limit: int) -> list[tuple[UUID, bytes]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT visitor_id, state FROM profiles_profile WHERE last_event_at >= %s"
            " ORDER BY last_event_at DESC LIMIT %s",
            (since, limit),
        )
        return list(cursor.fetchall())


def shard_horizon(shard: int, *, timeout_ms: int = 100) -> datetime | None:
    """A moment up to which the shard's written profiles can all be read; None while it is busy."""
    try:
        return store.shard_horizon(shard, timeout_ms=timeout_ms)
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            return None
        raise


def states_changed(
    shard: int, *, after: tuple[datetime, UUID] | None, until: datetime, limit: int
) -> list[tuple[UUID, datetime, State]]:
    """The shard's profiles written since (with when), held against deletion by the transaction."""
    rows = store.profiles_changed(shard, after=after, until=until, limit=limit)
    return [(visitor_id, at, state_decode(raw)) for visitor_id, at, raw in rows]


def shards_changed(since: Mapping[int, tuple[datetime, UUID] | None]) -> list[int]:
    """Those of these shards with profiles written after (when, whom); None is the beginning."""
    return [shard for shard, after in since.items() if store.shard_has_changed(shard, after=after)]


def states_get(visitor_ids: Collection[UUID]) -> dict[UUID, State]:
    """The states of these visitors that have one, from PostgreSQL."""
    return store.states_read(visitor_ids)


def visitors_sample(*, limit: int) -> list[UUID]:
    """Visitors with a profile, each as likely as any other."""
    return store.visitors_sample(limit=limit, since=store.EPOCH)


def definitions_keeping() -> dict[int, frozenset[str]]:
    """By version of what profiles hold, the keys of the declared features in it."""
    versions = DefinitionRow.objects.values_list("version", flat=True)
    return {0: frozenset(), **{each: definition_get(each).keys for each in versions}}


def visitors_after(after: UUID | None, *, limit: int, since: datetime | None = None) -> list[UUID]:
    """The next visitors with a profile, by id, behind one; with `since` those seen since then."""
    return store.visitors_after(after, since=since, limit=limit)


def visitors_changed(
    since: datetime, after: UUID | None, *, limit: int
) -> tuple[list[tuple[datetime, UUID]], datetime]:
    """(when, who) of the next profiles that were written, behind one; and up to when that is all.

    Nobody is missed who is written meanwhile: what is not committed yet comes later.
    """
    until = store.writes_settled(patience=WRITES_PATIENCE)
    return store.visitors_changed(
        since, after, until=until, limit=limit, shards=settings.SHARDS
    ), until


class CheckResult(NamedTuple):
    """The outcome of a self-check; `is_open` when something differs and was not rebuilt."""

    id: int
    finished_at: datetime
    checked: int
    differing: int
    is_open: bool


def self_check_latest() -> CheckResult | None:
    """The latest self-check that has come to its end."""
    check = SelfCheck.objects.filter(finished_at__isnull=False).first()
    if check is None or check.finished_at is None:
        return None
    return CheckResult(check.pk, check.finished_at, check.checked, check.differing, check.is_open)


#: Up to so many profiles are counted one by one.
COUNTED_EXACTLY = 10_000


def profile_count() -> tuple[int, bool]:
    """(how many profiles there are, whether it is exact): of very many, PostgreSQL's estimate."""
    count = Profile.objects.all()[: COUNTED_EXACTLY + 1].count()
    if count <= COUNTED_EXACTLY:
        return count, True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT reltuples::int8 FROM pg_class WHERE oid = to_regclass('profiles_profile')"
        )
        return max(int(cursor.fetchone()[0]), COUNTED_EXACTLY), False


def baseline_computed_at() -> datetime | None:
    """When the current baseline was computed; None before the first."""
    return BaselineRow.objects.values_list("computed_at", flat=True).first()


def shards_folded() -> dict[int, int]:
    """The sequence number up to which each shard's events are folded."""
    return dict(FoldCursor.objects.values_list("shard", "seq"))


def shards_behind() -> list[int]:
    """Shards with stored events that are not folded yet."""
    folded = shards_folded()
    return [
        shard
        for shard, seq in tracking_selectors.shard_seqs().items()
        if seq > folded.get(shard, 0)
    ]
