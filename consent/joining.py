"""What a sign-in makes of two records: the account's and the one of the browser that signs in.

The rule is `logic.standing_merge`: a sign-in is no choice, so per purpose a denial wins whatever
its date. Here follows what that means for the two visitor ids: the account's lives on unless the
merge takes back something it had granted; the browser's always ends.

Boundary: no Django, no database, no clock, no request.
"""

from dataclasses import dataclass
from datetime import datetime

from consent.logic import Standing, Versions, standing_merge


@dataclass(frozen=True, slots=True)
class Joining:
    """What a sign-in leads to.

    `standing` is the account's from now on; under the account's present id if `account_kept`, else
    under a new one. `account_withdrawn` and `browser_withdrawn` name what was granted under the
    ids that end, and is denied now: what is known under such an id is to be erased.
    `browser_counts` is False when the browser brings no record in force.
    """

    standing: Standing
    account_kept: bool
    account_withdrawn: frozenset[str]
    browser_withdrawn: frozenset[str]
    browser_counts: bool

    @property
    def changes(self) -> bool:
        return self.browser_counts or not self.account_kept


def standings_join(
    account: Standing | None, browser: Standing | None, *, at: datetime, versions: Versions
) -> Joining | None:
    """Join the account's record and the browser's; None if neither is in force.

    A record that has lapsed is none. The account's fenced record stands for a denial; the
    browser's is none, because only a replayed cookie can name it.
    """
    theirs = account if _in_force(account, at, versions) else None
    mine = browser if _in_force(browser, at, versions) else None
    if mine is not None and mine.fenced_at is not None:
        mine = None
    if theirs is None and mine is None:
        return None
    standing = standing_merge(theirs or Standing(), mine or Standing(), at=at)
    withdrawn = [
        side.granted - standing.granted if side is not None else frozenset()
        for side in (theirs, mine)
    ]
    return Joining(
        standing=standing,
        account_kept=theirs is not None and theirs.fenced_at is None and not withdrawn[0],
        account_withdrawn=withdrawn[0],
        browser_withdrawn=withdrawn[1],
        browser_counts=mine is not None,
    )


def _in_force(standing: Standing | None, at: datetime, versions: Versions) -> bool:
    return (
        standing is not None and standing.in_force_at(at) and not standing.lapsed_at(at, versions)
    )
