"""Where rows become values: no ORM past this point."""

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from consent import codec
from consent.logic import Decision, Standing, standings_fold
from consent.models import ConsentDecision, EffectiveConsent


def standing_from_row(row: EffectiveConsent) -> Standing:
    return Standing(codec.choices_load(row.choices), row.fenced_at)


def row_fields(standing: Standing, *, notice_key: str) -> dict[str, Any]:
    """The columns of `EffectiveConsent` that follow from a standing with at least one choice."""
    choices = standing.choices.values()
    return {
        "choices": codec.choices_dump(standing.choices),
        "granted": sorted(standing.granted),
        "decided_at": max(choice.at for choice in choices),
        "expires_at": standing.expires_at,
        "fenced_at": standing.fenced_at,
        "gpc_seen": any(choice.gpc_seen for choice in choices),
        "notice_key": notice_key,
    }


def row_from_standing(visitor_id: UUID, standing: Standing, *, notice_key: str) -> EffectiveConsent:
    return EffectiveConsent(visitor_id=visitor_id, **row_fields(standing, notice_key=notice_key))


def standing_json(standing: Standing) -> Any:
    """A standing for a JSON column; `standing_from_decisions` reads it back."""
    return json.loads(codec.standing_dump(standing))


def standing_from_decisions(rows: Iterable[ConsentDecision]) -> Standing:
    """The fold of one id's recorded decisions, from the last sign-in on."""
    rows = [row for row in rows if not row.is_settled]
    begun = [row.standing for row in rows if row.standing is not None]
    chosen = decisions_in_order(row for row in rows if row.standing is None)
    begin = codec.standing_load(json.dumps(begun[0])) if begun else None
    return standings_fold(chosen, begin)


def decisions_in_order(rows: Iterable[ConsentDecision]) -> list[Decision]:
    """Recorded decisions of one id, oldest first; of two at one instant, the denial last."""
    decisions = [
        Decision(row.decided_at, row.states, row.notice.versions, row.gpc_seen) for row in rows
    ]
    return sorted(decisions, key=_order)


def _order(decision: Decision) -> tuple[datetime, bool]:
    return decision.at, not any(decision.states.values())
