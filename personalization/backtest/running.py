"""Running backtests: asked for in the admin, worked shard by shard, done again where a worker died.

A run is one row, and one row for each shard with the numbers of it; the last shard to be done adds
them up. Whoever cancels stops it within a block of events. What is read are the events of visitors
who agree now; what is kept of a run are numbers, and for a while which visitors to look at.
"""

import logging
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Sum

from consent import selectors as consent_selectors
from personalization.backtest.history import History, histories_of, history_allowed
from personalization.backtest.history_backtest import Outcome, Sources, history_backtest
from personalization.backtest.models import Backtest, BacktestSample, BacktestShard
from personalization.backtest.plan import Plan
from personalization.backtest.planning import draft_of, plan_of, slot_pages_now, sources_of
from personalization.backtest.tally import Part, Sample, parts_add, samples_best
from personalization.campaigns.versions import draft_payload, problems_of
from personalization.decide import PURPOSE
from personalization.models import Campaign
from personalization.selectors import ruleset_version
from tracking import selectors as tracking_selectors
from tracking.services import job_lock

log = logging.getLogger(__name__)

#: How far back, in days, and of how many visitors one is looked at.
DAYS = (7, 14, 30)
ONE_OF = (1, 10)
#: Runs at the same time; more would only wait for each other.
MOST_OPEN = 3
#: Results are looked at for a while; then they are gone.
KEPT = timedelta(days=30)
#: Seconds after which a nudge that found no worker is dropped: the schedule asks again.
NUDGE_SECONDS = 60
#: A shard that fails so often is not tried again; nor one that was begun so often and never ended.
ATTEMPTS, BEGINNINGS = 3, 10
ENDLESS = (
    "Its workers were killed again and again. Choose fewer days or one visitor of ten, or ask who "
    "runs the site whether they have enough memory."
)


class CancelledError(Exception):
    """Somebody has cancelled the run, or its campaign is gone."""


# --- Asking for it -------------------------------------------------------------------------------


def backtest_start(
    *, campaign: Campaign, days: int, one_of: int = 1, by: str, now: datetime
) -> Backtest:
    """Begin a backtest of the saved draft; raises ValidationError, which says what to do."""
    if days not in days_possible() or one_of not in ONE_OF:
        raise ValidationError("Choose how many days, and whether to look at all visitors.")
    if problems := problems_of(draft_payload(campaign)):
        raise ValidationError(problems)
    version = ruleset_version()
    if not version:
        raise ValidationError("No rules are published yet: publish the site's slots first.")
    with transaction.atomic():
        with connection.cursor() as cursor:
            # One beginning at a time, so that no more are open than may be.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('attune backtest start'))")
        running = list(Backtest.objects.filter(finished_at=None, cancelled_at=None))
        if any(one.campaign_id == campaign.pk for one in running):
            raise ValidationError("A backtest of this campaign is running: wait, or cancel it.")
        if len(running) >= MOST_OPEN:
            raise ValidationError(f"{MOST_OPEN} backtests are running: wait until one is done.")
        run = Backtest.objects.create(
            campaign=campaign,
            days=days,
            one_of=one_of,
            draft=draft_of(campaign, now=now),
            ruleset_version=version,
            events_total=events_total(one_of),
            started_by=by,
            started_at=now,
        )
        BacktestShard.objects.bulk_create(
            BacktestShard(backtest=run, shard=shard) for shard in range(settings.SHARDS)
        )
        transaction.on_commit(partial(backtest_nudge, run.pk))
    return run


def days_possible() -> tuple[int, ...]:
    """How far back a backtest may go: no farther than events are kept."""
    return tuple(days for days in DAYS if days <= settings.EVENT_RETENTION_DAYS) or DAYS[:1]


def events_total(one_of: int) -> int:
    """How many events a run has to read, about: bots' and erased ones count here, too."""
    return sum(tracking_selectors.shard_seqs().values()) // one_of


def backtest_cancel(*, run: Backtest, now: datetime) -> bool:
    """Stop a run; returns whether it was still going."""
    open_ = Backtest.objects.filter(pk=run.pk, finished_at=None, cancelled_at=None)
    is_stopped = bool(open_.update(cancelled_at=now))
    if is_stopped:
        BacktestSample.objects.filter(backtest=run).delete()
    return is_stopped


def backtest_nudge(run_id: int | None = None) -> None:
    """Ask workers for every shard that is not done; one that is being worked is left alone."""
    left = BacktestShard.objects.filter(
        finished_at=None, backtest__finished_at=None, backtest__cancelled_at=None
    )
    if run_id is not None:
        left = left.filter(backtest=run_id)
    for pk in left.order_by("backtest", "shard").values_list("pk", flat=True):
        current_app.send_task(
            "personalization.tasks.backtest_shard_task", (pk,), expires=NUDGE_SECONDS
        )


def backtests_sweep(*, now: datetime) -> None:
    """Go on with what a killed worker left, and let old results go."""
    Backtest.objects.filter(started_at__lt=now - KEPT).delete()
    backtest_nudge()


# --- Working a shard ------------------------------------------------------------------------------


def shard_backtest(shard_id: int) -> None:
    """Work one shard of a run; nothing if it is done, cancelled, or another worker's."""
    with job_lock(f"backtest shard {shard_id}") as free:
        row = BacktestShard.objects.select_related("backtest").filter(pk=shard_id).first()
        if not free or row is None or row.finished_at or not row.backtest.is_open:
            return
        if row.attempts >= BEGINNINGS:
            _fail(row.backtest, ENDLESS)
            return
        BacktestShard.objects.filter(pk=row.pk).update(attempts=F("attempts") + 1, events=0)
        try:
            pages_settle(row.backtest)
            part, samples = _shard_read(row, plan_of(row.backtest))
        except CancelledError:
            return
        except (OperationalError, InterfaceError):
            raise  # the connection's fault, not the run's: the schedule asks again
        except Exception:
            log.exception("backtest %s fails in shard %s", row.backtest_id, row.shard)
            if row.attempts + 1 >= ATTEMPTS:
                _fail(row.backtest, "It could not be computed; the log of the workers says why.")
            return
        _shard_finish(row, part, samples)


def pages_settle(run: Backtest) -> None:
    """Find out which pages have the slot, once for all shards: it reads all days' exposures."""
    if run.pages is None:
        since = run.started_at - timedelta(days=run.days)
        shapes = sorted(slot_pages_now(run.draft["slot"], since=since).shapes)
        Backtest.objects.filter(pk=run.pk, pages__isnull=True).update(pages=shapes)
        run.refresh_from_db(fields=["pages"])


def _shard_read(row: BacktestShard, plan: Plan) -> tuple[Part, list[Sample]]:
    part: Part = {}
    samples: list[Sample] = []
    sources = sources_of(plan, shard=row.shard)
    events = 0
    for history in shard_histories(row, plan, through_seq=sources.through_seq):
        outcome = _allowed_backtest(history, plan, sources.sources)
        part = parts_add(part, outcome.part)
        samples = samples_best([*samples, *outcome.samples])
        events += len(history)
        _progress(row, events)
    return part, samples


def _allowed_backtest(history: History, plan: Plan, sources: Sources) -> Outcome:
    granted = consent_selectors.visitors_granted(history.visitors, PURPOSE, now=datetime.now(UTC))
    allowed = history_allowed(history, purpose=PURPOSE, granted=granted)
    if not len(allowed.moments):
        return Outcome({"events": len(history)}, [])
    outcome = history_backtest(allowed, plan, sources)
    outcome.part["events"] = len(history)
    return outcome


def shard_histories(row: BacktestShard, plan: Plan, *, through_seq: int) -> Iterator[History]:
    """A shard's events, some whole visitors at a time."""
    blocks = tracking_selectors.events_blocks(
        row.shard,
        through_seq=through_seq,
        through_visitor=visitor_limit(row.backtest.one_of),
        facts=plan.facts,
        asked=plan.world.asked,
    )
    with closing(blocks):
        yield from histories_of(blocks, plan.facts, plan.world.asked)


def visitor_limit(one_of: int) -> UUID | None:
    """The last id of the part that is looked at: ids are random, so any part is like the whole."""
    return None if one_of == 1 else UUID(int=2**128 // one_of - 1)


def _progress(row: BacktestShard, events: int) -> None:
    moved = BacktestShard.objects.filter(
        pk=row.pk, backtest__finished_at=None, backtest__cancelled_at=None
    ).update(events=events)
    if not moved:
        raise CancelledError


def _shard_finish(row: BacktestShard, part: Part, samples: list[Sample]) -> None:
    with transaction.atomic():
        run = Backtest.objects.select_for_update().filter(pk=row.backtest_id).first()
        if run is None or not run.is_open:
            return
        now = datetime.now(UTC)
        BacktestShard.objects.filter(pk=row.pk).update(finished_at=now, part=part)
        BacktestSample.objects.bulk_create(
            BacktestSample(backtest=run, **sample._asdict()) for sample in samples
        )
        if not run.shards.filter(finished_at=None).exists():
            _finish(run, now)
    _samples_allowed(run)


def _finish(run: Backtest, now: datetime) -> None:
    result: Part = {}
    for part in run.shards.values_list("part", flat=True):
        result = parts_add(result, part or {})
    result["seconds"] = max((now - run.started_at).total_seconds(), 0.001)
    run.result, run.finished_at = result, now
    run.save(update_fields=["result", "finished_at"])
    run.shards.update(part=None)
    rows = list(run.samples.all())
    best = samples_best([Sample(row.visitor_id, row.seq, row.was_given) for row in rows])
    kept = {sample.visitor_id for sample in best}
    run.samples.exclude(visitor_id__in=kept).delete()


def _samples_allowed(run: Backtest) -> None:
    """Forget who withdrew while this was written: their erasure may have looked just before."""
    ids = list(run.samples.values_list("visitor_id", flat=True))
    granted = consent_selectors.visitors_granted(ids, PURPOSE, now=datetime.now(UTC))
    if gone := set(ids) - set(granted):
        samples_forget(gone)


def samples_forget(visitor_ids: set[UUID]) -> None:
    """Forget that these visitors were to be looked at."""
    BacktestSample.objects.filter(visitor_id__in=visitor_ids).delete()


def _fail(run: Backtest, why: str) -> None:
    Backtest.objects.filter(pk=run.pk, finished_at=None, cancelled_at=None).update(
        finished_at=datetime.now(UTC), failed=why
    )
    run.samples.all().delete()


# --- Looking at it --------------------------------------------------------------------------------


def events_read(run: Backtest) -> int:
    return run.shards.aggregate(events=Sum("events"))["events"] or 0


def events_a_second() -> float:
    """The pace of the latest run that was long enough to tell; a careful guess before there is."""
    done = Backtest.objects.filter(one_of=1, failed="", result__events__gte=10_000)
    result: Any = done.values_list("result", flat=True).first()
    return float(result["events"] / result["seconds"]) if result else 50_000.0
