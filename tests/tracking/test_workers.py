"""Workers side by side, and killed: whoever works, the events and profiles are the same.

What is usual is fixed here, so that it is known what counts of an outlier: there are fences from
the start, and the schedule's `fences_update` is not due in the minutes that these tests take.
Run with `-s` for the figures.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.db import Error, connection

from profiles import declaring
from profiles.models import Profile, Rebuild, RebuildShard
from tests.installation import Installation, installation_run
from tests.tracking.made_up import Request, ids_of, largest_values, requests_make
from tests.tracking.outcomes import (
    Outcome,
    accepted_again,
    assert_pages_read,
    assert_profiles_are_sums,
    assert_same,
    drain_here,
    events_accepted,
    is_done,
    journal_make,
    outcome_read,
    requests_accept,
    site_empty,
    values_stored,
)
from tests.tracking.people import BOTH, visitor_make
from tests.tracking.tables import finding_counts
from tests.tracking.trackers import Trackers
from tests.waiting import wait_until
from tracking import selectors as tracking_selectors
from tracking.models import Fence, Quarantine

pytestmark = pytest.mark.slow

SEED = 20261125
VISITORS = 200
#: Workers on machines of their own, with so many processes each.
MACHINES = {"machine-1": 2, "machine-2": 2}
#: What is killed in the end, in random order.
KILLS = (
    *["child of a worker"] * 10,
    *["worker with its children"] * 3,
    *["worker alone"] * 2,
    *["web"] * 2,
    *["schedule", "PostgreSQL", "Valkey"],
)
REBUILD_KILLS = (*["child of a worker"] * 3, "worker with its children", "worker alone")


@pytest.fixture(scope="module")
def site(django_db_blocker: Any) -> Iterator[Installation]:
    with django_db_blocker.unblock(), installation_run() as installation:
        journal_make()
        yield installation


@pytest.fixture(scope="module")
def visitors(site: Installation) -> list[UUID]:
    return [visitor_make(*BOTH) for _ in range(VISITORS)]


@pytest.fixture(scope="module")
def requests(visitors: list[UUID]) -> list[Request]:
    return requests_make(visitors, seed=SEED, now_ms=time.time() * 1000)


@pytest.fixture(scope="module")
def undisturbed(site: Installation, requests: list[Request]) -> Outcome:
    """Drained by this process alone, in its own strides."""
    site_empty()
    requests_accept(requests)
    outcome = drain_here()
    findings = finding_counts()
    assert findings.keys() >= {"repeat_folded", "outlier_capped", "visit_split", "clock_corrected"}
    print(f"\n{len(requests):,} requests, {len(outcome.rows):,} rows, {findings}")
    return outcome


@pytest.fixture(autouse=True)
def _everything_ends(site: Installation) -> Iterator[None]:
    yield
    site.end_all()


# --- What must show ----------------------------------------------------------------------------


@pytest.mark.parametrize("machines", [(1,), (2,), (2, 2)], ids=["1", "2", "4"])
def test_any_number_of_processes_gives_the_same(
    site: Installation, requests: list[Request], undisturbed: Outcome, machines: tuple[int, ...]
) -> None:
    """Each shard is asked for three times over, so that several processes want the same one."""
    site_empty()
    requests_accept(requests)
    site.workers_start({f"machine-{number}": size for number, size in enumerate(machines)})
    began = time.perf_counter()
    shards = list(range(settings.SHARDS)) * 3
    random.Random(SEED).shuffle(shards)
    for shard in shards:
        site.send("tracking.tasks.shard_drain_task", shard)
    wait_until(is_done, seconds=120)
    seconds = time.perf_counter() - began
    assert_same(outcome_read(), undisturbed)
    rows = len(undisturbed.rows)
    print(f"\n{sum(machines)} processes: {rows:,} rows in {seconds:.1f} s, all the same")


def test_killing_anything_at_random_moments_loses_and_doubles_nothing(
    site: Installation, requests: list[Request], undisturbed: Outcome
) -> None:
    """While trackers send to a real web server, until each request is answered 202."""
    site_empty()
    run_and_kill(site, requests, moments(KILLS, total=len(undisturbed.rows)))
    outcome, events = outcome_read(), events_accepted()
    refused = tracking_selectors.drop_counts()
    print(f"{events:,} events accepted: {len(outcome.rows):,} rows, refused {refused}")
    assert {key[:2] for key in outcome.rows} == ids_of(requests)
    assert values_stored() == pytest.approx(largest_values(requests))
    assert (events, refused.keys()) == (len(outcome.rows) + refused["duplicate"], {"duplicate"})
    assert not Quarantine.objects.exists()
    assert_profiles_are_sums(outcome)
    assert_pages_read(outcome.states)
    assert set(Fence.objects.values_list("observations", flat=True)) == {999}  # as it was
    accepted_again()
    assert_same(outcome, drain_here())


def test_killing_workers_of_a_rebuild_leaves_profiles_as_they_were(
    site: Installation,
    requests: list[Request],
    undisturbed: Outcome,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While a third of the events still comes; all profiles were wrong when it began."""
    monkeypatch.setattr(declaring, "rebuild_nudge", lambda: None)  # the schedule's sweep does that
    site_empty()
    early, late = requests[: len(requests) * 2 // 3], requests[len(requests) * 2 // 3 :]
    requests_accept(early)
    drain_here()
    wrong = Profile.objects.update(state=b'{"visits":99}')
    run = declaring.rebuild_start(reason="test")
    feeding = Feeding(site, late)
    site.workers_start(MACHINES)
    rng = random.Random(SEED)

    def has_reached(moment: int) -> bool:
        return feeding.on(0.9 * moment / wrong) and rebuilt(run) >= moment

    for kind, moment in moments(REBUILD_KILLS, total=wrong):
        wait_until(partial(has_reached, moment), seconds=120)
        done, sent = rebuilt(run), feeding.sent
        victim = site.kill(kind, rng, MACHINES)
        print(f"{victim} killed at {done} profiles made anew, {sent:,} requests come meanwhile")
    wait_until(
        lambda: feeding.on() and feeding.is_over and is_rebuilt(run) and is_done(), seconds=60
    )
    outcome = outcome_read()
    assert_same(outcome, undisturbed)
    assert_profiles_are_sums(outcome)
    assert_pages_read(outcome.states)


# --- Killing -----------------------------------------------------------------------------------


def moments(kinds: tuple[str, ...], *, total: int) -> list[tuple[str, int]]:
    """What to kill and after how much progress, in order."""
    rng = random.Random(SEED)
    return list(
        zip(
            rng.sample(kinds, len(kinds)),
            sorted(rng.sample(range(1, total * 95 // 100), len(kinds))),
            strict=True,
        )
    )


def run_and_kill(site: Installation, requests: list[Request], kills: list[tuple[str, int]]) -> None:
    """Everything runs and trackers send; each kill comes at so many stored rows."""
    site.all_start(MACHINES)
    rng, last = random.Random(SEED), kills[-1][1]
    trackers = Trackers(requests, port=site.port)
    trackers.start()
    began = time.perf_counter()
    try:
        for kind, moment in kills:
            # They run ahead of what is stored, but not to the end before all is killed.
            trackers.limit = int(len(requests) * (0.85 * moment / last + 0.1))
            wait_until(partial(rows_reach, moment), seconds=120)
            rows, answered = rows_stored(), trackers.answered
            victim = site.kill(kind, rng, MACHINES)
            print(f"{victim} killed at {rows:,} rows, {answered:,} requests answered")
        trackers.limit = len(requests)
        trackers.join()
        wait_until(is_done, seconds=120)
    finally:
        trackers.stop()
        site.end_all()
    print(
        f"{len(kills)} killed in {time.perf_counter() - began:.0f} s,"
        f" {site.interrupted_transactions()} transactions cut off;"
        f" {trackers.answered:,} requests answered 202, {trackers.failed:,} times tried again"
    )
    assert (trackers.wrong, trackers.answered) == ([], len(requests))


class Feeding:
    """Requests that come while something else goes on, a few at each look."""

    def __init__(self, site: Installation, requests: list[Request]) -> None:
        self.site, self.requests, self.sent = site, requests, 0
        self.swept = 0.0

    @property
    def is_over(self) -> bool:
        return self.sent == len(self.requests)

    def on(self, share: float = 1.0) -> bool:
        """Accept more, up to a share of all; nudge again every second, as the schedule does."""
        until = min(self.sent + 10, int(len(self.requests) * share))
        some = self.requests[self.sent : until]
        requests_accept(some)
        self.sent += len(some)
        for shard in {tracking_selectors.shard_of(request.visitor_id) for request in some}:
            self.site.send("tracking.tasks.shard_drain_task", shard)
        if time.monotonic() - self.swept > 1:
            self.swept = time.monotonic()
            for task in ("profiles.tasks.rebuild_sweep", "profiles.tasks.fold_sweep"):
                self.site.send(task)
            self.site.send("tracking.tasks.inbox_sweep")
        return True


def rebuilt(run: Rebuild) -> int:
    return sum(RebuildShard.objects.filter(rebuild=run).values_list("profiles", flat=True))


def is_rebuilt(run: Rebuild) -> bool:
    return Rebuild.objects.filter(pk=run.pk, finished_at__isnull=False).exists()


def rows_reach(moment: int) -> bool:
    return rows_stored() >= moment


def rows_stored() -> int:
    """Rows ever stored; 0 while PostgreSQL is away."""
    try:
        return sum(tracking_selectors.shard_seqs().values())
    except Error:
        connection.close()
        return 0
