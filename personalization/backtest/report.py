"""A backtest's numbers as people read them: figures, bars, sentences. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from personalization.backtest.conflicts import Conflict
from personalization.dashboard.bars import BarChart, Period, bar_chart

GONE = "Events from before {:%-d %b %Y} are gone by their age: visitors are known from then on."
ROOM = "Capacities are not replayed: as if there had always been room for “{}”."
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


#: (title, note, what is counted of each day)
CHARTS = (
    ("Page views it matches", "whether or not something else was shown", "matches"),
    ("Exposures of the draft", "with competition, schedules and limits", "given"),
    ("Exposures of the published version", "in the same time, by today's rules", "was_given"),
)


@dataclass(frozen=True)
class Bar:
    """A labelled number and its part of the largest, in percent."""

    label: str
    number: int
    part: int
    note: str = ""


@dataclass(frozen=True)
class Rival:
    """Another campaign of the slot: its exposures without the draft and with it."""

    id: int
    name: str
    before: int
    after: int
    both: int
    percent: int

    @property
    def change(self) -> int:
        return self.after - self.before


@dataclass(frozen=True)
class Report:
    """What the page of a finished run says."""

    figures: list[Bar]
    visitors: list[Bar]
    charts: list[BarChart]
    rivals: list[Rival]
    findings: list[tuple[str, str]]
    notes: list[str]
    is_empty: bool
    matches: bool


def report_of(
    result: Mapping[str, Any],
    conflicts: Sequence[Conflict],
    *,
    days: int,
    one_of: int,
    until: datetime,
    names: Mapping[int, str],
    untold: Sequence[str] = (),
    pages: Sequence[str] = (),
    is_published: bool = False,
    complete_since: datetime | None = None,
    capacities: Sequence[str] = (),
) -> Report:
    """The report of a result (personalization.backtest.tally); `untold` are the conditions that
    past events cannot answer, `pages` those with the slot. Before `complete_since` events are gone.
    `capacities` are the campaigns that have one.
    """
    r = {**dict.fromkeys(NUMBERS, 0), **result}
    return Report(
        figures=_figures(r),
        visitors=_visitors(r, is_published=is_published),
        charts=_charts(r, days=days, until=until, is_published=is_published),
        rivals=_rivals(r, names),
        findings=[finding_words(conflict, names) for conflict in conflicts],
        notes=[
            *_notes(r, one_of=one_of, untold=untold, pages=pages),
            *([GONE.format(complete_since)] if complete_since else []),
            *([ROOM.format("”, “".join(capacities))] if capacities else []),
        ],
        is_empty=not r["views"],
        matches=bool(r["matched_views"]),
    )


NUMBERS = (
    "views", "visitors", "visits", "views_with_slot", "matched_views", "matched_visitors",
    "matched_visits", "matched_without_slot", "untold_views", "exposures", "exposed_visitors",
    "exposures_before", "gained", "lost", "unchanged", "held_back", "events", "seconds",
)  # fmt: skip


def _figures(r: Mapping[str, Any]) -> list[Bar]:
    lines = (
        ("Visitors it matches", "matched_visitors", "visitors", "visitors"),
        ("Visits it matches", "matched_visits", "visits", "visits"),
        ("Page views it matches", "matched_views", "views", "page views"),
        ("Exposures it would have had", "exposures", "views_with_slot", "page views with the slot"),
    )
    return [
        Bar(label, r[name], _percent(r[name], r[of]), f"of {r[of]:,} {what}")
        for label, name, of, what in lines
    ]


def _visitors(r: Mapping[str, Any], *, is_published: bool) -> list[Bar]:
    """Who is shown it now and was not, and the other way round."""
    most = max(r["gained"], r["lost"], r["unchanged"], 1)
    lines = [("Gained", "gained", "would see it, and did not by the published version")]
    if is_published:
        lines += [
            ("Lost", "lost", "saw the published version, and would not see this"),
            ("Unchanged", "unchanged", "see it either way"),
        ]
    else:
        lines = [("Gained", "gained", "would see it; it was never published")]
    return [Bar(label, r[name], _percent(r[name], most), note) for label, name, note in lines]


def _percent(number: int, of: int) -> int:
    return round(100 * number / of) if of else 0


def _charts(
    r: Mapping[str, Any], *, days: int, until: datetime, is_published: bool
) -> list[BarChart]:
    period = Period("", f"last {days} days", "day", days + 1)
    found = r.get("days", {})

    def counts(name: str) -> dict[datetime, int]:
        return {EPOCH + timedelta(days=int(day)): n.get(name, 0) for day, n in found.items()}

    drawn = CHARTS if is_published else CHARTS[:2]
    return [
        bar_chart(title, note, counts(name), period=period, now=until)
        for title, note, name in drawn
    ]


def _rivals(r: Mapping[str, Any], names: Mapping[int, str]) -> list[Rival]:
    rivals = [
        Rival(
            int(number),
            names.get(int(number), f"Campaign {number}"),
            one["exposures_before"],
            one["exposures_after"],
            one["both"],
            _percent(one["both"], r["matched_views"]),
        )
        for number, one in r.get("campaigns", {}).items()
    ]
    return sorted(rivals, key=lambda one: (one.change, -one.before, one.name))


def finding_words(conflict: Conflict, names: Mapping[int, str]) -> tuple[str, str]:
    """(how much it weighs, what it says and what to do).

    >>> finding_words(Conflict("overlaps", 7, 40, True), {7: "Spring"})
    ('watch', '“Spring” also matches 40 % of these page views, and comes first there.')
    """
    other = names.get(conflict.campaign, f"Campaign {conflict.campaign}")
    first = "comes first" if conflict.wins else "comes after it"
    if conflict.kind == "never":
        return "act", "It matched nobody in this time. Look at its conditions one by one."
    if conflict.kind == "identical":
        return "act", f"“{other}” has the same rule and {first}: one of the two is not needed."
    if conflict.kind == "shadowed":
        return "act", (
            f"Whenever the draft matches, “{other}” matches too and comes first: give the draft a "
            f"higher priority, or narrow the rule of “{other}”."
        )
    weight = "watch" if conflict.wins else "good"
    there = "and comes first there." if conflict.wins else "and comes after it there."
    return weight, f"“{other}” also matches {conflict.percent} % of these page views, {there}"


def _notes(
    r: Mapping[str, Any], *, one_of: int, untold: Sequence[str], pages: Sequence[str]
) -> list[str]:
    notes = []
    if one_of > 1:
        notes.append(f"One visitor of {one_of} was looked at: multiply the numbers by {one_of}.")
    if r["held_back"]:
        notes.append(f"Its own limits kept it back {r['held_back']:,} times.")
    if pages:
        notes.append(
            f"The slot was shown on pages like {', '.join(pages[:6])}"
            f"{' and others' if len(pages) > 6 else ''}: only there it is given."
        )
        if r["matched_without_slot"]:
            notes.append(f"{r['matched_without_slot']:,} of the matches were on other pages.")
    else:
        notes.append("Nothing was shown in this slot yet, so every page counts as having it.")
    if untold:
        notes.append(f"Past events do not say: {'; '.join(untold)}. That is unknown here.")
    if r["untold_views"]:
        notes.append(f"Of {r['untold_views']:,} page views it cannot be told whether it matches.")
    return notes


def duration_words(seconds: float) -> str:
    """
    >>> duration_words(0.4), duration_words(42), duration_words(200), duration_words(9000)
    ('a few seconds', 'about 45 seconds', 'about 4 minutes', 'about 3 hours')
    """
    if seconds < 8:
        return "a few seconds"
    if seconds < 60:
        return f"about {-(-round(seconds) // 15) * 15} seconds"
    if seconds < 3600:
        minutes = -(-round(seconds) // 60)
        return f"about {minutes} minute{'s' if minutes > 1 else ''}"
    hours = -(-round(seconds) // 3600)
    return f"about {hours} hour{'s' if hours > 1 else ''}"
