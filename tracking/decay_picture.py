"""A small picture of how fast an event fades: two curves over the coming days. Pure."""

from math import log2
from typing import NamedTuple

WIDTH, HEIGHT = 340, 150
LEFT, RIGHT, TOP, BOTTOM = 40, 24, 10, 24
POINTS = 80
#: The picture ends where the slower curve has come down to a quarter.
HALVINGS = 2
_TICK_STEPS = (
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1000,
    2000,
)


class Curve(NamedTuple):
    """One half-life: the line's `points`, and where it is down to half (None: outside)."""

    name: str
    points: str
    half_x: float | None
    says: str


class Tick(NamedTuple):
    """A mark on the axis of days."""

    at: float
    label: str


class DecayPicture(NamedTuple):
    """`curves` are the short half-life's and the long one's, in the picture's coordinates."""

    curves: tuple[Curve, Curve]
    ticks: list[Tick]
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM
    middle: float = (TOP + HEIGHT - BOTTOM) / 2
    width: int = WIDTH
    height: int = HEIGHT


def decay_picture(short: float, long: float) -> DecayPicture:
    """The picture of two half-lives in days, both above 0."""
    days = HALVINGS * max(short, long)
    step = next((step for step in _TICK_STEPS if days / step <= 5), days)
    return DecayPicture(
        curves=(_curve("Wants now", short, days), _curve("Likes", long, days)),
        ticks=[
            Tick(_x(step * count / days), f"{step * count:g} d" if count else "now")
            for count in range(int(days / step + 1e-9) + 1)
        ],
    )


def _curve(name: str, half_life: float, days: float) -> Curve:
    steps = [(index / POINTS) ** 2 for index in range(POINTS + 1)]  # closer where it is steep
    points = " ".join(f"{_x(part)},{_y(2.0 ** (-part * days / half_life))}" for part in steps)
    half = half_life / days
    says = f"half after {days_text(half_life)}, a tenth after {days_text(half_life * log2(10))}"
    return Curve(name, points, _x(half) if half <= 1.0 else None, says)


def _x(part: float) -> float:
    return round(LEFT + part * (WIDTH - LEFT - RIGHT), 1)


def _y(part: float) -> float:
    return round(HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM), 1)


def days_text(days: float) -> str:
    """A time in words, two digits exact.

    >>> days_text(1), days_text(99.66), days_text(0.25), days_text(0.01)
    ('1 day', '100 days', '6 hours', '14 minutes')
    """
    for unit, of_day in (("day", 1.0), ("hour", 24.0), ("minute", 1440.0)):
        amount = days * of_day
        if amount >= 0.995 or unit == "minute":
            break
    said = f"{amount:,.0f}" if amount >= 9.95 else f"{amount:.2g}"
    return f"{said} {unit}{'' if said == '1' else 's'}"
