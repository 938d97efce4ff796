"""Row 10: a draft of 5 conditions replayed over past events, beside the published campaigns.

python -m bench.backtest [--events 1000000] [--processes 1,2] [--moments 2000] [--others 2]

The events are those of bench.rebuild. In its slot the draft competes with three published campaigns
of two conditions each. Beside it, in the same minutes: the same rows read by binary COPY into numpy
and nothing done with them, and the plain path, which folds every event and asks `Node.test` at each
page view, over some visitors. Then OTHERS, drafts of other kinds of conditions, with so many
processes (0: none), each beside the same campaigns.
"""

import argparse
from typing import Any

from bench.children import child_measure, children_run
from bench.drain import services
from bench.rebuild import EVENTS_A_VISITOR, fill, reference_read
from bench.report import median, report

GARDENING = {"category": "gardening"}
READS = {
    "condition": "event_count", "type": "page_view", **GARDENING, "where": [], "operator": ">=",
    "value": 3, "window": {"kind": "rolling", "minutes": 14 * 1440},
}  # fmt: skip
BOUGHT = {
    "condition": "event_did", "answer": "did", "type": "purchase", "category": "", "where": [],
    "window": {"kind": "lifetime"},
}  # fmt: skip
DRAFT = {
    "all": [
        READS,
        {"not": BOUGHT},
        {"condition": "top_interest", **GARDENING, "value": 3},
        {"condition": "device", "value": "phone"},
        {"condition": "visits", "operator": ">=", "value": 2},
    ]
}
ITEM = {"field": "item", "operator": "in", "values": ["item-6", "item-12", "item-18"]}
PATH = {"field": "path", "operator": "starts_with", "values": ["/items/1"]}
WEEK = {"kind": "calendar", "period": "week", "zone": "Europe/Copenhagen", "offset": 0}
#: What is asked beside the first condition of DRAFT, which leaves it open often enough.
OTHERS: dict[str, list[dict[str, Any]]] = {
    "filters by item": [{**READS, "where": [ITEM], "value": 1}],
    "filters by path": [{**READS, "where": [PATH], "value": 1}],
    "calendar and visit": [
        {**READS, "value": 1, "window": WEEK},
        {**READS, "operator": "=", "value": 0, "window": {"kind": "visit"}},
    ],
    "campaign contact": [
        {"condition": "campaign_contact", "what": "exposure", "campaign": "1", "operator": "=",
         "value": 0, "window": READS["window"]},
    ],
    "times and trends": [
        {"condition": "event_time", "type": "click", **GARDENING, "where": [], "which": "last",
         "when": "within", "days": 7},
        {"condition": "event_trend", "type": "page_view", "category": "", "where": [],
         "operator": ">", "value": 1, "period": "7_days", "zone": "UTC"},
    ],
    "behavior": [
        {"condition": "engagement_level", "operator": ">=", "value": 0.5},
        {"condition": "recency_score", "operator": ">=", "value": 0.5},
        {"condition": "momentum", "operator": ">", "value": -0.5},
        {"condition": "trend", "measure": "dwell_time", "operator": ">", "value": -1},
    ],
    "visits": [
        {"condition": "frequency", "operator": ">=", "value": 0.1},
        {"condition": "consistency", "operator": ">=", "value": 0.1},
        {"condition": "first_seen", "operator": "within_last", "amount": 60, "unit": "days",
         "zone": "UTC"},
    ],
    "interest rising": [
        {"condition": "interest_change", **GARDENING, "operator": ">", "value": 0.5, "evidence": 3}
    ],
    "one by one": [{"condition": "preferred_content_type", "value": "article"}],
}  # fmt: skip
LIVE = [
    {
        "all": [
            {"condition": "top_interest", "category": category, "value": 1},
            {"condition": "pages_in_visit", "operator": ">=", "value": pages},
        ]
    }
    for category, pages in (("cooking", 1), ("music", 2), ("cycling", 1))
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--processes", default="1,2")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--moments", type=int, default=2_000)
    parser.add_argument("--others", type=int, default=2)
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child, options.moments)
        return
    with services():
        fill(0, options.events)
        campaign = campaigns_make()
        rows: dict[str, float | str] = {}
        for number in [int(each) for each in options.processes.split(",")]:
            rates, readings, parts = [], [], []
            for _ in range(options.runs):
                readings.append(options.events / run(["reference"])[0]["seconds"])
                results, result = backtest_measure(campaign, number)
                rates.append(options.events / max(each["seconds"] for each in results))
                parts.append(results)
            label = f"backtest, {number} process{'es' if number > 1 else ''}"
            cpu = median([sum(each["cpu"] for each in part) for part in parts])
            rows |= {
                f"COPY binary to numpy, rows/s (beside {number})": median(readings),
                f"{label}, events/s": median(rates),
                f"{label}, ratio to COPY": median(rates) / median(readings),
                f"{label}, CPU microseconds an event": cpu / options.events * 1e6,
                f"{label}, peak memory of one, MB": max(e["memory"] for p in parts for e in p),
            }
        plain = run(["plain"], options.moments)[0]
        rows |= {
            "plain path, events/s": plain["events"] / plain["seconds"],
            "page views asked": float(result["views"]),
            "of them matched": float(result["matched_views"]),
            "asked one by one": float(result["exact_views"]),
            "exposures": float(result["exposures"]),
        }
        report(f"backtest over {options.events:,} events", rows)
        if options.others:
            report("other drafts, events/s", others_measure(campaign, options))


def others_measure(campaign: Any, options: argparse.Namespace) -> dict[str, float | str]:
    rows: dict[str, float | str] = {}
    for name, conditions in OTHERS.items():
        campaign.rule = {"all": [{**READS, "value": 1}, *conditions]}
        campaign.save()
        results, result = backtest_measure(campaign, options.others)
        rows[name] = options.events / max(each["seconds"] for each in results)
        cpu = sum(each["cpu"] for each in results)
        rows[f"{name}, CPU microseconds an event"] = cpu / options.events * 1e6
        rows[f"{name}, asked one by one, of 100"] = 100 * result["exact_views"] / result["views"]
    return rows


def campaigns_make() -> Any:
    """A slot with three published campaigns; the draft is returned."""
    import django

    django.setup()
    from personalization.campaigns.campaigning import campaign_publish
    from personalization.models import Campaign, Slot, Variant
    from personalization.services import ruleset_publish

    variant = Variant.objects.create(name="Bench", headline="Bench")
    slot = Slot.objects.create(key="bench", name="Bench", default=variant)
    for number, rule in enumerate(LIVE):
        live = Campaign.objects.create(
            name=f"Live {number}", slot=slot, variant=variant, rule=rule, priority=40 + 10 * number
        )
        campaign_publish(campaign=live, by="bench")
    ruleset_publish(by="bench")
    return Campaign.objects.create(name="Draft", slot=slot, variant=variant, rule=DRAFT)


def backtest_measure(campaign: Any, processes: int) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    from django.utils import timezone

    from personalization.backtest import running
    from personalization.backtest.models import BacktestShard

    backtest = running.backtest_start(campaign=campaign, days=30, by="bench", now=timezone.now())
    shards = list(BacktestShard.objects.filter(backtest=backtest).values_list("pk", flat=True))
    names = [",".join(map(str, shards[place::processes])) for place in range(processes)]
    results = run([f"backtest:{name}" for name in names])
    backtest.refresh_from_db()
    assert backtest.result is not None, backtest.failed or "it is not finished"
    return results, backtest.result


def run(names: list[str], moments: int = 0) -> list[dict[str, Any]]:
    return children_run("bench.backtest", names, "--moments", str(moments))


def child(name: str, moments: int) -> None:
    job, _, argument = name.partition(":")
    if job == "backtest":
        child_measure(lambda: shards_backtest([int(shard) for shard in argument.split(",")]))
    elif job == "plain":
        child_measure(lambda: {"events": plain_read(moments)})
    else:
        child_measure(reference_read)


def shards_backtest(shards: list[int]) -> None:
    from personalization.backtest.running import shard_backtest

    for shard in shards:
        shard_backtest(shard)


def plain_read(moments: int) -> int:
    """Fold every event and ask at every page view, over the first visitors; how many events."""
    from personalization.backtest.exact import contexts_of
    from personalization.backtest.history import histories_of
    from personalization.backtest.models import Backtest
    from personalization.backtest.planning import plan_of, sources_of
    from tracking import selectors

    plan = plan_of(Backtest.objects.latest("pk"))
    through = selectors.shard_seq(0)
    blocks = selectors.events_blocks(0, through_seq=through, facts=plan.facts)
    history = next(histories_of(blocks, plan.facts))
    blocks.close()
    details_of = sources_of(plan, shard=0).sources.details_of
    events = asked = 0
    for visitor in range(len(history.visitors)):
        begin, end = history.begins[visitor : visitor + 2].tolist()
        mine = [place for place in history.moments.tolist() if begin <= place < end]
        for _, context in contexts_of(history, plan.world, visitor, mine, details_of):
            for rule in plan.rules:
                rule.test(context)
        events, asked = events + end - begin, asked + len(mine)
        if asked >= moments:
            break
    assert events >= min(moments, EVENTS_A_VISITOR)
    return events


if __name__ == "__main__":
    main()
