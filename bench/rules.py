"""Row 6: rules in process, against GrowthBook's Python SDK. Starts nothing.

python -m bench.rules [--rounds 11]

One AND of five conditions on what is known of a request and a visitor, by both. Ours once with a
context that has answered before, as GrowthBook's flat attributes have, and once with a new one, for
which the profile is read as well. Then decide() for a slot of so many live campaigns of five
conditions: with a new context each time, for which the profile is read as well, and with one that
has answered before, as for the next slot of the same page; `match` shows something, `none` looks
through all of them. Times are of the process's CPU: a busy neighbour of the machine does not count.
"""

import argparse
import random
import time
from collections.abc import Callable
from typing import Any

from growthbook import GrowthBook

from bench.report import median, quantile, report
from config.collector import collector_tune
from personalization.decide import RuleSet, decide, ruleset_compile
from personalization.rules.context import Context, PageRequest
from personalization.rules.tree import rule_parse
from profiles.state import DAY, Increment, State, state_add
from profiles.vector import Weight

NOW = 1_800_000_000.0
WEIGHTS = {"page_view": Weight(1.0), "click": Weight(3.0), "dwell": Weight(0.05)}
CATEGORIES = [f"category-{number}" for number in range(20)]
GRANTED = {"measurement": "granted", "personalization": "granted"}
RULE = {
    "all": [
        {"condition": "path", "operator": "equals", "value": "/category/music/"},
        {"condition": "device", "value": "desktop"},
        {"condition": "language", "operator": "in", "values": ["en", "en-GB"]},
        {"condition": "visits", "operator": ">=", "value": 2},
        {"condition": "affinity", "category": "category-3", "operator": ">=", "value": 1},
    ]
}
GROWTHBOOK = {
    "path": "/category/music/",
    "device": "desktop",
    "language": {"$in": ["en", "en-GB"]},
    "visits": {"$gte": 2},
    "affinity": {"$gte": 1},
}


def state_make() -> State:
    """A visitor of 200 events over 8 categories."""
    state = State()
    for number in range(200):
        signal = ("page_view", "click", "dwell")[number % 3]
        at = (NOW - number * DAY / 8) * 1000
        event = Increment(
            signal, CATEGORIES[number % 8], "article", 1.0, at, True, number % 20 == 0
        )
        state_add(state, event, max_topics=100)
    return state


STATE = state_make()
REQUEST = PageRequest(path="/category/music/", device="desktop", language="en-GB")


def context_make() -> Context:
    return Context(now=NOW, state=STATE, weights=WEIGHTS, request=REQUEST, consent=GRANTED)


def single(rounds: int) -> dict[str, float | str]:
    """Evaluations a second of one AND of five, taking turns."""
    rule = rule_parse(RULE)
    known = context_make()
    attributes = {
        "id": "1", "path": "/category/music/", "device": "desktop", "language": "en-GB",
        "visits": 10, "affinity": 5.0,
    }  # fmt: skip
    feature = {"defaultValue": False, "rules": [{"condition": GROWTHBOOK, "force": True}]}
    book = GrowthBook(attributes=attributes, features={"feature": feature})
    assert rule.test(known) is True
    assert book.is_on("feature") is True
    runs: dict[str, Callable[[], object]] = {
        "growthbook": lambda: book.is_on("feature"),
        "ours": lambda: rule.test(known),
        "ours, new context": lambda: rule.test(context_make()),
    }
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds + 1):
        for name, run in runs.items():
            rates[name].append(rate(run))
    rows: dict[str, float | str] = {
        f"{name}: AND of 5, a second": median(turns[1:]) for name, turns in rates.items()
    }
    for name in ("ours", "ours, new context"):
        pairs = zip(rates[name][1:], rates["growthbook"][1:], strict=True)
        rows[f"{name}: ratio to growthbook"] = median([ours / book for ours, book in pairs])
    return rows


def rate(run: Callable[[], object], calls: int = 5000) -> float:
    start = time.process_time()
    for _ in range(calls):
        run()
    return calls / (time.process_time() - start)


def ruleset_make(count: int, *, is_matching: bool) -> RuleSet:
    """So many campaigns of five conditions, as marketers ask; one that matches comes last."""
    draw = random.Random(6)

    def rule() -> dict[str, Any]:
        conditions = [
            {"condition": "affinity", "category": draw.choice(CATEGORIES), "operator": ">=",
             "value": draw.randint(1, 60)},
            {"condition": "visits", "operator": ">=", "value": draw.randint(1, 30)},
            {"condition": "device", "value": draw.choice(["phone", "tablet", "desktop"])},
            {"condition": "path", "operator": draw.choice(["equals", "starts_with"]),
             "value": f"/category/{draw.randint(0, 200)}/"},
            {"condition": "language", "operator": "starts_with",
             "value": draw.choice(["en", "de", "fr"])},
            {"condition": "events", "category": draw.choice(CATEGORIES), "days": 30,
             "value": draw.randint(1, 20)},
            {"condition": "engagement_level", "operator": ">=", "value": draw.random()},
        ]  # fmt: skip
        drawn = {"all": draw.sample(conditions, 5)}
        return rule() if rule_parse(drawn).test(context_make()) else drawn

    rules = [rule() for _ in range(count - is_matching)] + [RULE] * is_matching
    empty = dict.fromkeys(("eyebrow", "text", "button_label", "button_url", "image"), "")
    variant = {**empty, "headline": "x", "items_from": "", "category": ""}
    campaigns = [
        {"id": number, "name": str(number), "variant": 1, "rule": rule, "priority": 1,
         "starts": None, "ends": None}
        for number, rule in enumerate(rules)
    ]  # fmt: skip
    slot = {"key": "hero", "name": "Hero", "default": 1, "campaigns": campaigns}
    payload = {"slots": [slot], "variants": {"1": variant}, "weights": {}, "cards": {}}
    return ruleset_compile(1, payload)


def decisions(count: int, *, is_matching: bool, is_new: bool, calls: int = 2000) -> str:
    """p50 and p99 of decide(), in words."""
    ruleset = ruleset_make(count, is_matching=is_matching)
    assert decide(ruleset, "hero", context_make()).personalized is is_matching
    times, context = [], context_make()
    for _ in range(calls):
        context = context_make() if is_new else context
        start = time.process_time()
        decide(ruleset, "hero", context)
        times.append((time.process_time() - start) * 1e6)
    p50, p99 = quantile(times, 0.5), quantile(times, 0.99)
    return f"p50 {p50:.0f} µs, p99 {p99:.0f} µs ({p99 / p50:.1f} x)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    rounds = parser.parse_args().rounds
    collector_tune()  # as the web's processes are
    rows = single(rounds)
    for count in (10, 100, 1000, 10_000):
        for name, is_matching in (("match", True), ("none", False)):
            for words, is_new in (("new context", True), ("next slot", False)):
                rows[f"decide, {count:,} rules, {name}, {words}"] = decisions(
                    count, is_matching=is_matching, is_new=is_new
                )
    report(
        "rules",
        rows,
        note="targets: ratio >= 5; p50 <= 20 / 100 / 1,000 µs for 10 / 100 / 1,000, p99 <= 3 x p50",
    )


if __name__ == "__main__":
    main()
