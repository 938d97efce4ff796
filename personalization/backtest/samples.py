"""The visitors of a backtest to look at: what they did up to the moment at which the draft matched.

Nothing of it is kept: it is read from the events of those who still agree, when somebody looks.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from consent import selectors as consent_selectors
from personalization.backtest.exact import VisitorGoneError, contexts_of
from personalization.backtest.history import History, history_allowed, history_of
from personalization.backtest.models import Backtest, BacktestSample
from personalization.backtest.plan import Plan
from personalization.backtest.planning import plan_of, sources_of
from personalization.decide import PURPOSE
from personalization.rules.nodes import Trace
from tracking import selectors as tracking_selectors

#: Events shown before the moment, and after it.
BEFORE, AFTER = 14, 4


@dataclass(frozen=True)
class Step:
    """An event on a visitor's path; `is_match` is the page view at which the draft matched."""

    at: datetime
    type: str
    about: str
    path: str
    is_match: bool


@dataclass(frozen=True)
class SamplePath:
    """A visitor's path, the latest event last. `earlier` events are not listed."""

    short_id: str
    visitor_id: str
    was_given: bool
    at: datetime
    earlier: int
    steps: list[Step]
    trace: list[Trace]


def sample_paths(run: Backtest) -> list[SamplePath]:
    """The paths of a run's samples, of those whose events are still there."""
    samples = list(run.samples.all())
    granted = consent_selectors.visitors_granted(
        [one.visitor_id for one in samples], PURPOSE, now=datetime.now(UTC)
    )
    plan = plan_of(run)
    paths = [_path(sample, plan) for sample in samples if sample.visitor_id in granted]
    return [path for path in paths if path is not None]


def _path(sample: BacktestSample, plan: Plan) -> SamplePath | None:
    visitor_id = sample.visitor_id
    sources = sources_of(plan, shard=tracking_selectors.shard_of(visitor_id))
    facts = tuple(dict.fromkeys(("path", *plan.facts)))
    blocks = list(
        tracking_selectors.visitors_blocks(
            [visitor_id], through_seq=sources.through_seq, facts=facts
        )
    )
    if not blocks:
        return None
    history = history_of(blocks, facts)
    history = history_allowed(history, purpose=PURPOSE, granted={visitor_id})
    found = np.flatnonzero(history.seq == sample.seq).tolist()
    if not found:
        return None
    place, trace = found[0], list[Trace]()
    try:
        details_of = sources.sources.details_of
        for _, context in contexts_of(history, plan.world, 0, [place], details_of):
            plan.rules[-1].test(context, trace)
    except VisitorGoneError:
        return None
    first = max(place - BEFORE, 0)
    steps = [
        _step(history, index, is_match=index == place)
        for index in range(first, min(place + AFTER + 1, len(history)))
    ]
    return SamplePath(
        short_id=str(visitor_id)[:8],
        visitor_id=str(visitor_id),
        was_given=sample.was_given,
        at=_at(history, place),
        earlier=first,
        steps=steps,
        trace=trace,
    )


def _step(history: History, index: int, *, is_match: bool) -> Step:
    kind = history.kinds[int(history.kind[index])]
    fact = history.facts[int(history.fact[index])]
    texts = dict(zip(history.fact_names, fact, strict=False))
    about = ", ".join(filter(None, (kind.category, kind.content_type)))
    path = texts.get("path", "")
    return Step(_at(history, index), kind.type.replace("_", " "), about, path, is_match)


def _at(history: History, index: int) -> datetime:
    return datetime.fromtimestamp(float(history.occurred_ms[index]) / 1000.0, UTC)
