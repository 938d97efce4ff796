"""Past events for the tests of backtests: made up, as stored blocks and in full."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import numpy as np

from personalization.backtest.history import History, history_of
from personalization.backtest.past import World
from profiles.baseline import Baseline
from profiles.columns import Codes
from profiles.definition import Definition
from profiles.vector import Weight
from tracking.pipeline.blocks import Asked, Block, Kind
from tracking.pipeline.details import Detail

NOW_MS = 1_800_000_000_000
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
BASIS = "measurement,personalization"
FACTS = ("path", "device", "medium", "referrer_host", "utm_source", "item")
WEIGHTS = {
    "page_view": Weight(1.0),
    "dwell": Weight(0.05),
    "click": Weight(3.0),
    "purchase": Weight(5.0),
    "dismiss": Weight(3.0, negative=True),
    "exposure": Weight(0.0),
}
WORLD = World(
    weights=WEIGHTS,
    baseline=None,
    definition=Definition(half_lives={"purchase": (DAY_MS / 1000, 90 * DAY_MS / 1000)}),
    purposes=("measurement", "personalization"),
    max_topics=64,
)


class Past(NamedTuple):
    """A history, and each visitor's events in full."""

    history: History
    details: dict[UUID, list[Detail]]

    def details_of(self, visitor: UUID, types: Sequence[str]) -> list[Detail]:
        return [each for each in self.details[visitor] if each.type in types]


class Row(NamedTuple):
    """An event as tests say it; `seq` is its place in the order of storing."""

    visitor: int
    type: str
    at_ms: float
    category: str = ""
    content_type: str = ""
    amount: float = 1.0
    part: int = 0
    starts_visit: bool = False
    visit: int = 1
    facts: tuple[str, ...] = ("/", "phone", "direct", "", "")
    item: str = ""
    basis: str = BASIS
    properties: Any = None


#: As events may name one: only a number is one, however it is written.
CAMPAIGNS = (7, 7, 7.0, 8, "7", True)
BASELINE = Baseline(
    200,
    {
        "engagement": [0.0, 0.0, 3.0, 12.5, 40.0],
        "visits_per_week": [0.0, 0.25, 0.25, 0.5, 3.0],
        "scroll_velocity": [0.0, 0.5, 3.0, 60.0],
    },
    {"dwell_time": 30.0, "clicks": 1.0, "visits": 0.2},
    {"gardening": 0.4, "music": 0.2},
)
#: The fields of events that are read with histories.
ASKED = Asked(
    ("page_view", "click", "purchase", "exposure", "dismiss"), ("item", "property.campaign")
)


def past_of(rows: Sequence[Row], fact_names: Sequence[str] = FACTS) -> Past:
    """The rows in the order of storing."""
    order = sorted(range(len(rows)), key=lambda seq: (rows[seq].visitor, seq))
    visitors, kinds, bases, facts = Codes(), Codes(), Codes(), Codes([()])
    fields = Codes([""])
    sorted_rows = [rows[seq] for seq in order]
    ids = [UUID(int=1 + row.visitor) for row in sorted_rows]
    shown = [(*row.facts, row.item) if row.type == "page_view" else () for row in sorted_rows]
    block = Block(
        visitor=visitors.of(ids),
        seq=np.array(order, np.int64),
        occurred_ms=np.array([row.at_ms for row in sorted_rows], np.float64),
        amount=np.array([row.amount for row in sorted_rows], np.float64),
        is_new=np.array([row.part == 0 for row in sorted_rows], bool),
        visit=np.array([row.visit for row in sorted_rows], np.int64),
        starts_visit=np.array([row.starts_visit for row in sorted_rows], bool),
        kind=kinds.of([Kind(row.type, row.category, row.content_type) for row in sorted_rows]),
        basis=bases.of([row.basis for row in sorted_rows]),
        fact=facts.of(shown),
        visitors=visitors.values,
        kinds=kinds.values,
        bases=bases.values,
        facts=facts.values,
        field=fields.of([_fields(row) for row in sorted_rows]),
        fields=fields.values,
    )
    details: dict[UUID, list[Detail]] = {}
    for visitor, row in zip(ids, sorted_rows, strict=True):
        details.setdefault(visitor, []).append(_detail(visitor, row))
    return Past(history_of([block], fact_names, ASKED), details)


def _fields(row: Row) -> str:
    """As PostgreSQL reads them: JSON, and nothing of other types."""
    if row.type not in ASKED.types:
        return ""
    campaign = (row.properties or {}).get("campaign")
    return msgspec.json.encode([row.item, campaign]).decode()


def _detail(visitor: UUID, row: Row) -> Detail:
    path, device, medium, *_ = row.facts
    return Detail(
        *(visitor, row.basis, row.type, row.at_ms, row.amount, row.part, row.amount),
        *(row.item, row.category, row.content_type, path, device, medium, "tracker"),
        *(row.visit, row.properties),
    )


def rows_random(chance: random.Random, *, visitors: int, events: int) -> list[Row]:
    """Many events at crowded times: the same milliseconds, windows' edges, late arrivals."""
    rows = []
    for _ in range(events):
        back = chance.choice((0, 1, 5, 29, 30, 31, 60, 24 * 60, 7 * 24 * 60, 40 * 24 * 60)) * 60_000
        nudge = chance.choice((0, 0, 0, 1, -1, chance.randrange(DAY_MS)))
        rows.append(
            Row(
                chance.randrange(visitors),
                chance.choice(
                    ("page_view", "page_view", "dwell", "click", "dismiss", "purchase", "exposure")
                ),
                float(NOW_MS - back + nudge),
                category=chance.choice(("", "gardening", "cooking", "music")),
                content_type=chance.choice(("", "article", "video")),
                amount=chance.choice((1.0, 0.0, 12.5)),
                part=chance.choice((0, 0, 0, 1)),
                starts_visit=chance.random() < 0.2,
                visit=chance.randrange(1, 4),
                facts=(
                    chance.choice(("/", "/c/gardening/")),
                    chance.choice(("phone", "desktop")),
                    chance.choice(("direct", "search")),
                    "",
                    chance.choice(("", "news")),
                ),
                item=chance.choice(("", "a", "b")),
                properties=chance.choice((None, {}, *({"campaign": one} for one in CAMPAIGNS))),
            )
        )
    return rows
