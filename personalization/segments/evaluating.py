"""Visitors evaluated for all segments: who is in, and what changes by that. One short transaction.

Whoever changes memberships holds one lock until the transaction ends, and so does who forgets a
visitor: what is being written then is committed, and goes, and what comes after asks for consent
again. So nothing comes back.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from consent import selectors as consent_selectors
from personalization.decide import PURPOSE
from personalization.models import SegmentMember
from personalization.rules.context import Context
from personalization.rules.nodes import Node
from personalization.segments.kept import memberships_announce, memberships_read
from personalization.segments.membership import Membership, is_in, membership_next
from profiles import selectors as profile_selectors
from profiles.state import State


class Counted(NamedTuple):
    """A segment as it is counted. `rule` answers unknown to what only a page view tells; `digest`
    is the same as long as its rule is, with those of its segments."""

    pk: int
    key: str
    rule: Node
    digest: str


#: (segment, visitor, entered, left, was there)
Row = tuple[int, UUID, datetime, datetime | None, bool]
#: Whether a visitor is counted for a segment by a rule that is new; None to leave it alone.
IsFirst = Callable[[Counted, UUID], bool | None]


@dataclass
class Tally:
    """What changed, by the segment's id: how many came, how many left, and how many more there are,
    which also those make who are counted for the first time, or forgotten."""

    entered: Counter[int] = field(default_factory=Counter)
    left: Counter[int] = field(default_factory=Counter)
    more: Counter[int] = field(default_factory=Counter)

    def touched(self) -> set[int]:
        return {*self.entered, *self.left, *self.more}


def members_lock() -> None:
    """Nobody else changes memberships until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('attune segment members'))")


def visitors_evaluate(
    visitor_ids: Collection[UUID],
    segments: Iterable[Counted],
    *,
    now: datetime,
    is_first: IsFirst = lambda segment, visitor_id: False,
) -> Tally:
    """Bring the memberships of these visitors up to date; in the caller's transaction.

    `segments` stand in an order in which none asks when somebody came into a later one. Who agrees
    no longer, or has no profile, is in none, and has not left one either.
    """
    members_lock()
    listed = list(segments)
    contexts = contexts_of(visitor_ids, now=now)
    before = memberships_read(visitor_ids)
    after: dict[UUID, dict[str, Membership]] = {}
    tally = Tally()
    for visitor_id in visitor_ids:
        kept = dict(before.get(visitor_id, {}))
        if visitor_id in contexts:
            context = contexts[visitor_id]
            context.__dict__["memberships"] = kept  # frozen for everybody else
            for segment in listed:
                first = is_first(segment, visitor_id)
                if first is not None:
                    _move(kept, segment, context, tally, first)
        else:
            kept = {}
        after[visitor_id] = kept
    _keep(before, after, listed, tally)
    return tally


def _move(
    kept: dict[str, Membership], segment: Counted, context: Context, tally: Tally, first: bool
) -> None:
    was = kept.get(segment.key)
    matches = segment.rule.ask(context) is True
    now = membership_next(was, matches, at=context.now, is_first=first)
    if now == was:
        return
    if now is None:
        del kept[segment.key]
    else:
        kept[segment.key] = now
    if not first:
        (tally.entered if matches else tally.left)[segment.pk] += 1


def contexts_of(visitor_ids: Collection[UUID], *, now: datetime) -> dict[UUID, Context]:
    """What rules may ask, without a page, of those who agree and have a profile."""
    granted = {
        purpose.key: consent_selectors.visitors_granted(visitor_ids, purpose.key, now=now)
        for purpose in consent_selectors.purposes_active()
    }
    weights = profile_selectors.weights_current()
    baseline = profile_selectors.baseline_latest()
    states = profile_selectors.states_get(list(granted.get(PURPOSE, ())))

    def context_of(visitor_id: UUID, state: State) -> Context:
        return Context(
            now=now.timestamp(),
            state=state,
            weights=weights,
            baseline=baseline,
            consent={
                purpose: "granted" if visitor_id in allowing else "refused"
                for purpose, allowing in granted.items()
            },
            kept=profile_selectors.features_kept(state),
        )

    return {visitor_id: context_of(visitor_id, state) for visitor_id, state in states.items()}


def _keep(
    before: Mapping[UUID, Mapping[str, Membership]],
    after: Mapping[UUID, Mapping[str, Membership]],
    segments: Collection[Counted],
    tally: Tally,
) -> None:
    """Write what differs, and tell pages."""
    ids = {segment.key: segment.pk for segment in segments}
    rows: list[Row] = []
    gone: dict[str, list[UUID]] = {}
    changed = {
        visitor_id: kept for visitor_id, kept in after.items() if before.get(visitor_id, {}) != kept
    }
    for visitor_id, kept in changed.items():
        was = before.get(visitor_id, {})
        for key in was.keys() - kept.keys():
            gone.setdefault(key, []).append(visitor_id)
        moved = [key for key in kept if was.get(key) != kept[key]]
        rows += [_row(ids[key], visitor_id, kept[key]) for key in moved]
        tally.more.update(ids[key] for key in moved if is_in(kept[key]) and not is_in(was.get(key)))
        tally.more.subtract(
            ids[key] for key in was if key in ids and is_in(was[key]) and not is_in(kept.get(key))
        )
    for key, visitors in gone.items():
        SegmentMember.objects.filter(segment__key=key, visitor_id__in=visitors).delete()
    _write(rows)
    memberships_announce(changed)


def _write(rows: Sequence[Row]) -> None:
    """Insert or replace rows. By arrays: a first count writes one for each member."""
    if not rows:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO personalization_segmentmember"
            " (segment_id, visitor_id, entered_at, left_at, was_there)"
            " SELECT * FROM unnest(%b::int8[], %b::uuid[], %b::timestamptz[], %b::timestamptz[],"
            " %b::bool[]) ON CONFLICT (segment_id, visitor_id) DO UPDATE SET"
            " entered_at = excluded.entered_at, left_at = excluded.left_at,"
            " was_there = excluded.was_there",
            [list(column) for column in zip(*rows, strict=True)],
        )


def _row(segment: int, visitor_id: UUID, kept: Membership) -> Row:
    left = None if kept.left is None else _moment(kept.left)
    return segment, visitor_id, _moment(kept.entered), left, kept.was_there


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
