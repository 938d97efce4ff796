"""One history through a plan: replayed, competed, counted.

What never gets in: clocks, settings, storage.
"""

from typing import NamedTuple

from personalization.backtest.competing import Given, PlacementsOf, campaigns_compete
from personalization.backtest.exact import DetailsOf
from personalization.backtest.history import History
from personalization.backtest.plan import Plan
from personalization.backtest.replay import Replayed, rules_replay
from personalization.backtest.tally import Compared, Part, Sample, part_of, samples_of
from profiles.columns import Bools


class Sources(NamedTuple):
    """Where the few visitors' events come from that are needed in full."""

    details_of: DetailsOf
    placements_of: PlacementsOf


class Outcome(NamedTuple):
    """What a history gives: its numbers, and visitors to look at."""

    part: Part
    samples: list[Sample]


def history_backtest(history: History, plan: Plan, sources: Sources) -> Outcome:
    """The numbers of one history."""
    replayed, on_page = replay(history, plan, sources)
    answers, draft = replayed.answers, len(plan.before.campaigns)
    given = [
        campaigns_compete(contest, mine, history, on_page, sources.placements_of, since=plan.since)
        for contest, mine in (
            (plan.before, answers[:draft]),
            (plan.after, plan.answers_after(answers)),
        )
    ]
    compared = Compared(
        draft=plan.draft,
        before=plan.before,
        after=plan.after,
        draft_answers=answers[draft],
        answers={one.id: row for one, row in zip(plan.before.campaigns, answers, strict=False)},
        given_before=given[0],
        given_after=given[1],
    )
    part = part_of(history, compared, replayed.holds, on_page)
    part["exact_views"] = replayed.exact
    return Outcome(part, samples_of(history, compared, replayed.holds))


def replay(history: History, plan: Plan, sources: Sources) -> tuple[Replayed, Bools]:
    """(the answers of the plan's rules, which moments have the slot)."""
    replayed = rules_replay(plan.rules, history, plan.world, sources.details_of, since=plan.since)
    holds = replayed.holds & (history.nows <= plan.until)
    return replayed._replace(holds=holds), plan.pages.among(history)


def published_given(history: History, plan: Plan, sources: Sources) -> tuple[Given, Replayed]:
    """What the published campaigns alone would have given."""
    replayed, on_page = replay(history, plan, sources)
    answers = replayed.answers[: len(plan.before.campaigns)]
    given = campaigns_compete(
        plan.before, answers, history, on_page, sources.placements_of, since=plan.since
    )
    return given, replayed
