"""One visitor on the command line: the same as the admin's page, as text."""

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from personalization import selectors
from personalization.chart import sparkline
from personalization.decide import Considered
from personalization.visitor_view import (
    ANSWERS,
    CURVE_DAYS,
    CURVES,
    THRESHOLD,
    VisitorReport,
    measured_text,
    visitor_report,
)
from profiles import selectors as profile_selectors
from profiles.vector import vector_as_dict


class Command(BaseCommand):
    help = "Show one visitor: consent, interests and their decay, events, why each slot shows what."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("visitor", nargs="?", help="a visitor id, or a unique beginning of one")
        parser.add_argument("--recent", action="store_true", help="list the visitors seen last")
        parser.add_argument("--json", action="store_true", help="the behavioral vector alone")
        parser.add_argument("--limit", type=int, default=20, help="how many to list, or events")

    def handle(self, *, visitor: str | None, recent: bool, limit: int, **options: Any) -> None:
        if recent:
            lines: Iterator[str] = _recent_lines(limit)
        elif visitor and options.get("json"):
            lines = _vector_lines(_visitor_id(visitor))
        elif visitor:
            report = visitor_report(_visitor_id(visitor), now=timezone.now())
            lines = _report_lines(report, limit)
        else:
            raise CommandError("Name a visitor, or ask for --recent ones.")
        for line in lines:
            self.stdout.write(printable(line))


def printable(line: str) -> str:
    """The line without what could steer a terminal: paths come from strangers."""
    return "".join(character if character.isprintable() else "�" for character in line)


def _visitor_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        found = profile_selectors.visitors_find(text)
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(str(visitor_id)[:13] for visitor_id in found)
        raise CommandError(f"Several visitors begin with {text!r}: {listed}. Give more of the id.")
    raise CommandError(f"No visitor with a profile begins with {text!r}. See --recent.")


def _recent_lines(limit: int) -> Iterator[str]:
    found = profile_selectors.visitor_recent(limit=limit)
    for visitor_id, last_event_at in found:
        yield f"{visitor_id}  last seen {_time(last_event_at)}"
    if not found:
        yield "No visitor has a profile yet."


def _vector_lines(visitor_id: UUID) -> Iterator[str]:
    """The behavioral vector as JSON; null without consent or profile."""
    vector = selectors.visitor_context(visitor_id, now=timezone.now()).vector
    yield from json.dumps(vector and vector_as_dict(vector), indent=2).splitlines()


def _report_lines(report: VisitorReport, limit: int) -> Iterator[str]:
    yield f"Visitor {report.visitor_id}"
    for purpose in report.purposes:
        yield f"  {purpose.title}: {purpose.state}"
    if report.is_known:
        yield from _profile_lines(report)
    else:
        yield "  No consent to personalization is in force: nothing personal is kept or shown."
    yield ""
    yield f"Slots, decided now by version {report.version}"
    for name, decision in report.decisions:
        yield from _slot_lines(name, decision)
    if report.is_known:
        yield from _event_lines(report, limit)


def _profile_lines(report: VisitorReport) -> Iterator[str]:
    yield (
        f"  {report.visits_count} visits, {report.events_count} events,"
        f" last seen {_time(report.last_seen)}"
    )
    for value in report.behavior:
        yield f"  {value.label:<15} {value.text}"
    for trend in report.trends:
        yield f"  {trend.label:<15} {sparkline(trend.values, width=28):<28}  {trend.text}"
    for words, shown in report.features:
        yield f"  {words}: {shown}"
    yield ""
    yield f"Interests, and how they fade over {CURVE_DAYS} days"
    highest = report.interests[0].interest.score if report.interests else None
    for line in report.interests[:CURVES]:
        interest = line.interest
        curve = sparkline([score for _, score in line.curve], highest=highest)
        lift = f"{interest.lift:4.1f} × the site  " if interest.lift is not None else ""
        ends = f"below {THRESHOLD:g} on {line.ends_at:%Y-%m-%d}" if line.ends_at else ""
        yield (
            f"  {line.name:<14.14} {interest.score:8.2f}  now {interest.now:7.2f}"
            f"  {100 * interest.share:3.0f} %  {lift}{interest.evidence:3d} events  {curve}  {ends}"
        ).rstrip()
    if not report.interests:
        yield "  none yet"


def _slot_lines(name: str, decision: Any) -> Iterator[str]:
    shown = decision.campaign.name if decision.campaign else "the default"
    yield f"  {name}: {shown} (“{decision.content['headline']}”)"
    yield f"    {' '.join(decision.reasons)}"
    for considered in decision.considered:
        yield from _trace_lines(considered)


def _trace_lines(considered: Considered) -> Iterator[str]:
    mark, word = ANSWERS[considered.answer]
    off = "" if considered.is_on else ", not on at this time"
    yield f"    {mark} {word}: {considered.campaign.name}{off}"
    for line in considered.trace:
        measured = "" if line.is_group else measured_text(line.measured)
        told = f" (measured: {measured})" if measured else ""
        yield f"      {'  ' * line.depth}{ANSWERS[line.answer][0]} {line.sentence}{told}"


def _event_lines(report: VisitorReport, limit: int) -> Iterator[str]:
    yield ""
    yield "Latest events"
    for event in report.events[:limit]:
        value = f" {event['value']:g}" if event["value"] is not None else ""
        bot = "  (not counted: bot)" if event["is_bot"] else ""
        yield f"  {_time(event['occurred_at'])}  {event['type']}{value}  {event['path']}{bot}"
    if not report.events:
        yield "  none"


def _time(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}" if moment else "never"
