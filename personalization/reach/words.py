"""What a marketer is told of a count, and what the picture beside it shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from personalization.reach.asking import Site
from personalization.reach.compiling import leaf_is_indexed
from personalization.reach.counting import Reach
from personalization.reach.projecting import Progress
from personalization.rules.nodes import Leaf, Node, rule_conditions, sentence_of


class Bar(NamedTuple):
    """A part of a whole, drawn from `x` over `width`, of 100."""

    kind: str
    label: str
    visitors: int
    x: float
    width: float

    @property
    def said(self) -> str:
        return f"{self.visitors:,}"


@dataclass(frozen=True)
class Told:
    """One answer for the editor."""

    text: str
    bars: tuple[Bar, ...] = ()
    lost: str = ""
    hints: tuple[Any, ...] = ()
    notes: tuple[str, ...] = ()
    numbers: dict[str, int] = field(default_factory=dict)


def reach_text(reach: Reach, *, is_bound: bool = False) -> str:
    """The count as a sentence.

    >>> reach_text(Reach(matching=31, open=0, visitors=240))
    '31 of 240 visitors'
    >>> reach_text(Reach(0, 12, 240), is_bound=True)
    'At most 12 of 240 visitors'
    """
    if not reach.visitors:
        return "No visitor who allows personalization has a profile yet."
    of = f"of {reach.visitors:,} visitor{'' if reach.visitors == 1 else 's'}"
    about = "about " if reach.is_about else ""
    if is_bound:
        return f"At most {about}{reach.matching + reach.open:,} {of}"
    text = f"{about}{reach.matching:,} {of}"
    if reach.open:
        depend = "depends" if reach.open == 1 else "depend"
        text += f"; {about}{reach.open:,} more {depend} on the next page view"
    return text[:1].upper() + text[1:]


def reach_bars(reach: Reach, *, is_bound: bool = False) -> tuple[Bar, ...]:
    """Who matches, who may, and the others."""
    if not reach.visitors:
        return ()
    total = max(reach.visitors, reach.matching + reach.open)
    others = total - reach.matching - reach.open
    may = "may match, not known yet" if is_bound else "depend on the page view"
    bars, x = [], 0.0
    for kind, label, count in (
        ("matching", "match", reach.matching),
        ("open", may, reach.open),
        ("others", "do not match", others),
    ):
        width = round(100.0 * count / total, 2)
        bars.append(Bar(kind, label, count, round(x, 2), width))
        x += width
    return tuple(bars)


def lost_text(lost: int) -> str:
    """
    >>> lost_text(1)
    '1 more visitor was asked and does not allow personalization; nobody knows what they would see.'
    """
    if not lost:
        return ""
    who = "visitor was asked and does" if lost == 1 else "visitors were asked and do"
    return f"{lost:,} more {who} not allow personalization; nobody knows what they would see."


def notes_of(
    rule: Node,
    site: Site,
    *,
    missing: list[Leaf],
    progress: Progress | None,
    categories: Mapping[str, str],
) -> tuple[str, ...]:
    """What else there is to know of a count: how it was made, and what it does not know."""
    notes = []
    if missing:
        said = "; ".join(sentence_of(leaf, categories) for leaf in missing)
        notes.append(f"Known once it is published, because profiles do not keep it yet: {said}.")
    asking = site.asking(rule)
    slow = [
        sentence_of(leaf, categories)
        for leaf in rule_conditions(rule)
        if leaf not in missing and not leaf.condition.of_page and not leaf_is_indexed(leaf, asking)
    ]
    if slow:
        notes.append(f"Asked visitor by visitor, which takes longer: {'; '.join(slow)}.")
    if progress is not None:
        notes.append(
            f"Profiles are being laid out for counting: {progress.done:,} of {progress.total:,}."
        )
    return tuple(notes)
