"""Whether everything works, in words: what waits, what is behind, what did not come when due.

Each line costs one bounded read, however much data there is.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.urls import reverse

from personalization.reach.comparing import checks_latest as readers_checks_latest
from profiles import selectors as profile_selectors
from tracking import selectors as tracking_selectors

#: A request waits less than a second; so long is worth a look, and so long means nobody works.
INBOX_WATCH = timedelta(seconds=10)
INBOX_ACT = timedelta(minutes=2)
#: A nightly check that has not come for so long is worth a word.
CHECK_OVERDUE = timedelta(hours=36)
QUARANTINE_COUNTED = 1000
#: What the schedule does, its name, and after how long without it the schedule stands still.
DUE = (
    ("activity", "counting events", timedelta(minutes=5)),
    ("erasure", "erasing who withdrew", timedelta(minutes=10)),
    ("merge", "merging who signed in", timedelta(minutes=5)),
)
BASELINE_DUE = timedelta(hours=3)


@dataclass(frozen=True)
class Health:
    """One line: `state` is "good", "watch" or "act", and `text` says why and what to do."""

    label: str
    state: str
    text: str
    url: str = ""

    @property
    def word(self) -> str:
        return {"good": "Good", "watch": "Watch", "act": "Act now"}[self.state]


def inbox_health(now: datetime) -> Health:
    oldest = tracking_selectors.inbox_oldest()
    if oldest is None:
        return Health("Inbox", "good", "Everything accepted is worked off.")
    age = now - oldest
    if age < INBOX_WATCH:
        return Health("Inbox", "good", f"The oldest request has waited {_words(age)}.")
    state = "act" if age >= INBOX_ACT else "watch"
    remedy = " Is a worker running?" if state == "act" else ""
    return Health("Inbox", state, f"The oldest request has waited {_words(age)}.{remedy}")


def folds_health(now: datetime) -> Health:
    behind = len(profile_selectors.shards_behind())
    if not behind:
        return Health("Profiles", "good", "Every stored event is in its profile.")
    said = "1 shard has" if behind == 1 else f"{behind} shards have"
    return Health("Profiles", "watch", f"{said} events that are in no profile yet.")


def quarantine_health(now: datetime) -> Health:
    url = reverse("admin:tracking_quarantine_changelist")
    size = tracking_selectors.quarantine_size(most=QUARANTINE_COUNTED + 1)
    if not size:
        return Health("Quarantine", "good", "Nothing waits to be mended.", url)
    said = f"More than {QUARANTINE_COUNTED:,}" if size > QUARANTINE_COUNTED else f"{size:,}"
    verb = "waits" if size == 1 else "wait"
    return Health("Quarantine", "watch", f"{said} {verb} to be mended and tried again.", url)


def check_health(now: datetime) -> Health:
    url = reverse("admin:profiles_selfcheck_changelist")
    check = profile_selectors.self_check_latest()
    if check is None:
        return Health("Self-check", "good", "Comes every night; the first is still to come.", url)
    verb = "differs" if check.differing == 1 else "differ"
    said = f"{check.checked:,} checked, {check.differing:,} {verb}."
    if check.is_open:
        return Health("Self-check", "act", f"{said} Rebuild them.", url)
    if now - check.finished_at > CHECK_OVERDUE:
        age = _words(now - check.finished_at)
        return Health("Self-check", "watch", f"{said} That was {age} ago.", url)
    return Health("Self-check", "good", said, url)


#: Readers of rules that are compared with memory: what else is wrong where one says otherwise.
READERS = {"sql": ("SQL", "Counts"), "replay": ("Replay", "Backtests")}


def readers_health(now: datetime) -> Health:
    """Whether the other readers of rules say what pages say (personalization.reach.comparing)."""
    url = reverse("admin:personalization_readercheck_changelist")
    checks = readers_checks_latest()
    if not checks:
        return Health("Rule readers", "good", "Compared every night; still to come.", url)
    said = "; ".join(f"{READERS[check.reader][0]}: {check}" for check in checks) + "."
    wrong = [READERS[check.reader][1] for check in checks if check.differing]
    if wrong:
        return Health("Rule readers", "act", f"{said} {' and '.join(wrong)} may be wrong.", url)
    oldest = min(check.finished_at for check in checks if check.finished_at is not None)
    if now - oldest > CHECK_OVERDUE:
        return Health("Rule readers", "watch", f"{said} That was {_words(now - oldest)} ago.", url)
    return Health("Rule readers", "good", said, url)


def schedule_health(now: datetime) -> Health:
    """Whether the periodic jobs come when they are due."""
    last = tracking_selectors.sweeps_last()
    due = [(name, last.get(key), allowed) for key, name, allowed in DUE]
    computed = profile_selectors.baseline_computed_at()
    due.append(("computing the site's baseline", computed, BASELINE_DUE))
    overdue = [
        f"{name} ({_words(now - at)} ago)"
        for name, at, allowed in due
        if at is not None and now - at > allowed
    ]
    if overdue:
        said = f"Overdue: {', '.join(overdue)}. Is the schedule running?"
        return Health("Schedule", "act", said)
    if not any(at for _, at, _ in due):
        return Health("Schedule", "watch", "Nothing that is due has run yet. Is the schedule on?")
    return Health("Schedule", "good", "Everything that is due has run.")


def _words(age: timedelta) -> str:
    """
    >>> _words(timedelta(seconds=1)), _words(timedelta(seconds=90)), _words(timedelta(hours=49))
    ('1 second', '1 minute', '2 days')
    """
    seconds = max(int(age.total_seconds()), 0)
    units = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
    unit, size = next(pair for pair in units if seconds >= pair[1] or pair[1] == 1)
    count = seconds // size
    return f"{count:,} {unit}{'' if count == 1 else 's'}"


LINES: tuple[tuple[str, Callable[[datetime], Health]], ...] = (
    ("profiles.view_profile", inbox_health),
    ("profiles.view_profile", folds_health),
    ("tracking.view_quarantine", quarantine_health),
    ("profiles.view_selfcheck", check_health),
    ("personalization.view_readercheck", readers_health),
    ("profiles.view_profile", schedule_health),
)
