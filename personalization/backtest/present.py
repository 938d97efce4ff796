"""What a replay says of visitors as they stand: of their stored events, up to where profiles are
folded, and a page view that is asked for at this very moment.

So the replay can be held against profiles on live data (personalization.reach.comparing). It has no
answer of its own of whom events were deleted for their age, or lie ahead of the clock, of whose
profile keeps less than the rule asks, and where the past does not tell.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from personalization.backtest.history import (
    PAGE_VIEW,
    history_allowed,
    history_asked,
    history_of,
)
from personalization.backtest.past import World, conditions_untold, rule_in_past, world_for
from personalization.backtest.standing import Answers, Standing, rules_answer, view_asked
from personalization.decide import PURPOSE
from personalization.rules.context import Context
from personalization.rules.nodes import Node, rule_conditions, rule_features
from profiles import selectors as profile_selectors
from profiles.state import State
from tracking import selectors as tracking_selectors
from tracking.pipeline.blocks import Asked, Block
from tracking.pipeline.details import Detail


def present_answers(
    rules: Sequence[Node], contexts: Mapping[UUID, Context], make_world: Callable[[int], World]
) -> list[Answers]:
    """Of each rule, the answers that the replay has of its own.

    `contexts` are all of one moment; `make_world` gives what holds for a definition of profiles.
    """
    answers: list[Answers] = [{} for _ in rules]
    for version, mine in _by_definition(contexts).items():
        keeping = profile_selectors.definition_get(version).keys
        kept = [
            place
            for place, rule in enumerate(rules)
            if all(feature.key in keeping for feature in rule_features(rule))
        ]
        asked = [rule_in_past(rules[place]) for place in kept]
        standing = _standing(mine, world_for(make_world(version), asked))
        found = rules_answer(standing, asked) if standing is not None else []
        for place, told in zip(kept, found, strict=False):
            answers[place] |= _own(told, rules[place])
    return answers


def _own(told: Answers, rule: Node) -> Answers:
    """Without what is unknown only because the past does not tell."""
    kinds = {leaf.condition.kind for leaf in rule_conditions(rule)}
    if "consent" in kinds or any(not leaf.is_open for leaf in conditions_untold(rule)):
        return {who: answer for who, answer in told.items() if answer is not None}
    return told


def _by_definition(contexts: Mapping[UUID, Context]) -> dict[int, dict[UUID, Context]]:
    """Those whose events are all there, and none of them ahead of the clock."""
    complete = tracking_selectors.events_complete_since()
    found: dict[int, dict[UUID, Context]] = {}
    for visitor_id, context in contexts.items():
        state = context.state
        if state is not None and _is_whole(state, complete, context.now):
            found.setdefault(state.definition, {})[visitor_id] = context
    return found


def _is_whole(state: State, complete: datetime | None, now: float) -> bool:
    if state.first is None or state.last is None or state.last > now * 1000.0:
        return False
    return complete is None or state.first >= complete.timestamp() * 1000.0


def _standing(contexts: Mapping[UUID, Context], world: World) -> Standing | None:
    """The histories of these visitors, as far as they are folded."""
    folded = profile_selectors.shards_folded()
    blocks = list(_blocks(contexts.keys(), folded, world.asked))
    if not blocks:
        return None
    history = history_allowed(
        history_of(blocks, asked=world.asked), purpose=PURPOSE, granted=contexts.keys()
    )
    if not len(history):
        return None
    [now] = {context.now for context in contexts.values()}
    granted = {who: ",".join(_granted(contexts[who])) for who in history.visitors}
    asked = history_asked(history, now * 1000.0, list(granted.values()))
    types = list(world.compiled.by_type)

    def details_of(visitor_id: UUID) -> list[Detail]:
        """The events in full that features look at, and the page view, which none of them sees."""
        through_seq = folded.get(tracking_selectors.shard_of(visitor_id), 0)
        found = tracking_selectors.visitor_details(visitor_id, through_seq=through_seq, types=types)
        view = [view_asked(visitor_id, granted[visitor_id])] if PAGE_VIEW in types else []
        return [*found, *view]

    return Standing(asked, world, details_of)


def _granted(context: Context) -> list[str]:
    return [purpose for purpose, state in context.consent.items() if state == "granted"]


def _blocks(
    visitor_ids: Collection[UUID], folded: Mapping[int, int], asked: Asked | None
) -> Iterator[Block]:
    shards: dict[int, list[UUID]] = {}
    for visitor_id in visitor_ids:
        shards.setdefault(tracking_selectors.shard_of(visitor_id), []).append(visitor_id)
    for shard, mine in shards.items():
        yield from tracking_selectors.visitors_blocks(
            mine, through_seq=folded.get(shard, 0), asked=asked
        )
