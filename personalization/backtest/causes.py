"""Why a replay of the published rules says something else than what was logged.

CAUSES is the document: each cause with its test, in the order in which they are tried. What never
gets in: clocks, settings, storage.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

NO_PAGE = "no_page_view"


@dataclass(frozen=True)
class Case:
    """One difference: `logged` and `replayed` are campaigns, 0 for the default.

    `other_rules`: the slot's campaigns, limits or weights were others then. `untold`: a campaign
    that could have won asks what events do not store. `late`: an event from before that moment was
    received after it, or so shortly before that it may not have been folded yet. `limited`: one of
    the two campaigns has limits. `other_baseline`: the baseline was computed since, and one of the
    two asks it.
    """

    logged: int
    replayed: int
    has_page: bool = True
    other_rules: bool = False
    untold: bool = False
    late: bool = False
    limited: bool = False
    other_baseline: bool = False


Test = Callable[[Case], bool]
#: name: (in words, whether it is the cause)
CAUSES: Mapping[str, tuple[str, Test]] = {
    NO_PAGE: ("no page view was stored for it", lambda case: not case.has_page),
    "other_rules": (
        "other rules were in force: a campaign, its limits or the weights have changed since",
        lambda case: case.other_rules,
    ),
    "not_stored": (
        "a campaign asks what events do not store, as a query parameter",
        lambda case: case.untold,
    ),
    "late": (
        "an event from before that moment arrived after it, or only just before",
        lambda case: case.late,
    ),
    "limits": (
        "what had been counted for its limits then is not what the events say",
        lambda case: case.limited,
    ),
    "other_baseline": (
        "the site's baseline has been computed anew since",
        lambda case: case.other_baseline,
    ),
    "not_reported": (
        "no exposure was reported: the page was left at once, or has no such slot",
        lambda case: not case.logged,
    ),
    "unexplained": ("nothing explains it", lambda case: True),
}


def cause_of(case: Case) -> str:
    """The name of the first cause that holds.

    >>> cause_of(Case(logged=1, replayed=2, late=True)), cause_of(Case(logged=0, replayed=2))
    ('late', 'not_reported')
    """
    return next(name for name, (_, holds) in CAUSES.items() if holds(case))
