"""Invented visitors: what each kind likes, how long it stays, what it does.

Pure: randomness and time are arguments. Nothing here knows of HTTP or of the database; what a
visitor plans is carried out by demo/simulate.py.
"""

import random
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Choice = Literal["accept", "reject", "measure"]

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
)
DESKTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"

VISIT_SECONDS = 30 * 60
#: A browser's events older than a week are refused; a day of margin.
MAX_DAYS = 6.0


@dataclass(frozen=True, slots=True)
class Behavior:
    """One kind of visitor. Ranges are (least, most); `actions` are chances per page."""

    name: str
    share: int  # of all visitors, relative to the others
    visits: tuple[int, int]
    pages: tuple[int, int]  # per visit
    dwell: tuple[float, float]  # seconds per page
    scroll: tuple[float, float]  # 0 to 1
    choice: Choice = "accept"
    favourite: str = ""  # category; empty: any, one for each visitor
    content_types: tuple[str, ...] = ("article", "guide", "video", "product")
    loyalty: float = 0.9  # chance that a page is of the favourite category
    on_phone: float = 0.3
    actions: dict[str, float] = field(default_factory=dict)
    searches: float = 0.0  # chance per visit


BEHAVIORS = (
    Behavior(
        "gardener who reads", 5, (2, 4), (3, 7), (40, 240), (0.6, 1.0),
        favourite="gardening", content_types=("article", "guide"),
        actions={"bookmark": 0.25, "like": 0.2},
    ),
    Behavior(
        "cyclist who buys", 4, (2, 3), (3, 6), (20, 90), (0.4, 0.9),
        favourite="cycling", content_types=("product", "product", "guide"),
        actions={"add_to_cart": 0.5, "purchase": 0.3},
    ),
    Behavior(
        "binge video watcher", 4, (1, 3), (4, 8), (60, 300), (0.2, 0.6),
        content_types=("video",), on_phone=0.6, actions={"video_play": 0.9, "like": 0.3},
    ),
    Behavior("bouncer", 4, (1, 1), (1, 1), (2, 7), (0.05, 0.25), on_phone=0.7),
    Behavior("refuser", 4, (1, 2), (2, 4), (20, 90), (0.3, 0.9), choice="reject"),
    Behavior(
        "returning researcher", 3, (3, 6), (2, 5), (30, 180), (0.5, 1.0),
        content_types=("guide", "article"), actions={"bookmark": 0.3}, searches=0.7,
    ),
    Behavior(
        "shopper who compares", 3, (1, 3), (5, 9), (10, 45), (0.3, 0.7),
        content_types=("product",), loyalty=0.7, actions={"add_to_cart": 0.12}, searches=0.4,
    ),
    Behavior(
        "reader, measurement only", 2, (1, 2), (2, 4), (20, 120), (0.4, 0.9),
        choice="measure",
    ),
)  # fmt: skip


class VisitPlan(NamedTuple):
    """One visit: its id, when it begins (seconds since 1970) and how many pages it reads."""

    id: uuid.UUID
    starts_at: float
    pages: int


class VisitorPlan(NamedTuple):
    behavior: Behavior
    user_agent: str
    visits: tuple[VisitPlan, ...]
    seed: int


def visitor_plans(*, count: int, days: float, now: float, seed: int) -> list[VisitorPlan]:
    """`count` visitors, each behavior by its share, their visits spread over the last days.

    >>> plans = visitor_plans(count=29, days=3, now=1e9, seed=1)
    >>> len(plans), len({plan.behavior.name for plan in plans}) == len(BEHAVIORS)
    (29, True)
    """
    dice = random.Random(seed)
    deck = [row for row in BEHAVIORS for _ in range(row.share)]
    spread = sorted(range(len(deck)), key=lambda i: (i * 0.618034) % 1)
    return [
        _visitor(deck[spread[i % len(deck)]], days=min(days, MAX_DAYS), now=now, dice=dice)
        for i in range(count)
    ]


def _visitor(behavior: Behavior, *, days: float, now: float, dice: random.Random) -> VisitorPlan:
    starts = _starts(dice.randint(*behavior.visits), days=days, now=now, dice=dice)
    return VisitorPlan(
        behavior=behavior,
        user_agent=PHONE if dice.random() < behavior.on_phone else DESKTOP,
        visits=tuple(
            VisitPlan(uuid7(start, dice), start, dice.randint(*behavior.pages)) for start in starts
        ),
        seed=dice.getrandbits(32),
    )


def _starts(count: int, *, days: float, now: float, dice: random.Random) -> list[float]:
    """Beginnings at least two visits' length apart; all of the last visit lies in the past."""
    newest = now - VISIT_SECONDS
    room = max(days * 86_400 - VISIT_SECONDS - 2 * VISIT_SECONDS * count, 60.0)
    offsets = sorted(dice.uniform(0, room) for _ in range(count))
    return [
        newest - room - 2 * VISIT_SECONDS * (count - 1 - i) + offset
        for i, offset in enumerate(offsets)
    ]


def uuid7(at: float, dice: random.Random) -> uuid.UUID:
    """A version 7 UUID of a moment, its random part from our own dice.

    >>> uuid7(1_700_000_000, random.Random(1)).version
    7
    """
    value = int(at * 1000) << 80 | 0x7 << 76 | dice.getrandbits(12) << 64
    return uuid.UUID(int=value | 0b10 << 62 | dice.getrandbits(62))


def favourite_of(behavior: Behavior, categories: Sequence[str], dice: random.Random) -> str:
    """The category a visitor of this behavior prefers, among those the site has."""
    if behavior.favourite in categories:
        return behavior.favourite
    return dice.choice(list(categories))
