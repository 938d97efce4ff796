"""One visitor for people to read: consent, interests and their decay, events, decisions.

Assembled once, shown by the admin and by `manage.py visitor`. Without consent to
personalization it holds nothing of what the visitor did.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from consent import selectors as consent_selectors
from consent.logic import ConsentState
from personalization import selectors
from personalization.decide import PURPOSE, Decision
from personalization.rules.context import Context
from personalization.segments.showing import visitor_memberships
from personalization.vector_words import Line, TrendLine, trend_lines, vector_lines
from profiles import selectors as profile_selectors
from profiles.baseline import NO_BASELINE, baseline_usable
from profiles.trends import days_complete
from profiles.vector import Interest, interest_curve, interest_ends_at
from tracking import selectors as tracking_selectors

CURVES = 5
CURVE_DAYS = 30
#: Below this score an interest counts as gone; what demo and form start with.
THRESHOLD = 5.0
EVENTS = 50

ANSWERS = {True: ("✓", "yes"), False: ("✗", "no"), None: ("?", "unknown")}


@dataclass(frozen=True)
class InterestLine:
    """An interest with the curve of its score, nothing added, and when it falls below THRESHOLD.

    `ends_at` is None for one that is below it already.
    """

    interest: Interest
    name: str
    curve: list[tuple[float, float]]
    ends_at: datetime | None


@dataclass(frozen=True)
class PurposeLine:
    """One purpose in words: granted, refused or not asked."""

    title: str
    state: str


@dataclass(frozen=True)
class VisitorReport:
    """All of one visitor; everything after `decisions` is empty where `is_known` is False.

    `features` are the declared features and their values, in words, `memberships` the segments'
    rows. `ranked_among` is how many visitors the baseline has, 0 where it has too few to rank by.
    """

    visitor_id: UUID
    now: datetime
    consent: ConsentState
    purposes: list[PurposeLine]
    is_known: bool
    version: int
    decisions: list[tuple[str, Decision]]
    behavior: list[Line] = field(default_factory=list)
    trends: list[TrendLine] = field(default_factory=list)
    ranked_among: int = 0
    features: list[tuple[str, str]] = field(default_factory=list)
    memberships: list[Any] = field(default_factory=list)
    visits_count: int = 0
    interests: list[InterestLine] = field(default_factory=list)
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    visits: list[tuple[datetime, datetime]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    events_count: int = 0

    @property
    def short_id(self) -> str:
        return str(self.visitor_id)[:8]


def visitor_report(visitor_id: UUID, *, now: datetime) -> VisitorReport:
    """Everything about one visitor at `now`, as it would be decided for a page without a query."""
    consent = consent_selectors.consent_for_visitor(visitor_id, False, now)
    context = selectors.visitor_context(visitor_id, now=now)
    ruleset = selectors.ruleset_latest()
    common: dict[str, Any] = {
        "visitor_id": visitor_id,
        "now": now,
        "consent": consent,
        "purposes": [
            PurposeLine(purpose.title, context.consent[purpose.key].replace("_", " "))
            for purpose in consent_selectors.purposes_active()
        ],
        "is_known": consent.allows(PURPOSE),
        "version": ruleset.version,
        "decisions": [
            (ruleset.slots[decision.slot].name, decision)
            for decision in selectors.decisions_explain(context)
        ],
    }
    if context.state is None or context.vector is None:
        return VisitorReport(**common)
    site = baseline_usable(context.baseline)
    is_ranked = site is not NO_BASELINE
    days = days_complete(context.state, now=context.now)
    return VisitorReport(
        **common,
        behavior=vector_lines(context.vector, is_ranked=is_ranked),
        trends=trend_lines(context.vector.behavioral_trends, days, is_ranked=is_ranked),
        ranked_among=site.n,
        features=[
            (feature.describe(), _value_text(value))
            for feature, value in profile_selectors.features_read(context.state, now=context.now)
        ],
        memberships=visitor_memberships(visitor_id),
        visits_count=context.state.visits,
        interests=_interest_lines(context),
        first_seen=_moment(context.state.first),
        last_seen=_moment(context.state.last),
        visits=tracking_selectors.visitor_visits(visitor_id),
        events=tracking_selectors.visitor_events(visitor_id, limit=EVENTS),
        events_count=tracking_selectors.visitor_event_count(visitor_id),
    )


def _value_text(value: object) -> str:
    if value is None:
        return "nothing yet"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.6g}" if isinstance(value, float) else str(value)


def _interest_lines(context: Context) -> list[InterestLine]:
    names = dict(selectors.category_list().values_list("slug", "name"))
    return [_interest_line(context, interest, names) for interest in context.interests]


def _interest_line(context: Context, interest: Interest, names: dict[str, str]) -> InterestLine:
    assert context.state is not None
    end = context.now + timedelta(days=CURVE_DAYS).total_seconds()
    ends = interest_ends_at(
        context.state, context.weights, category=interest.category, threshold=THRESHOLD
    )
    return InterestLine(
        interest=interest,
        name=names.get(interest.category, interest.category),
        curve=interest_curve(
            context.state, context.weights, category=interest.category, start=context.now, end=end
        ),
        ends_at=datetime.fromtimestamp(ends, UTC) if ends and ends > context.now else None,
    )


def _moment(milliseconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds is not None else None


def decisions_explained(decisions: Iterable[tuple[str, Decision]]) -> list[dict[str, Any]]:
    """Decisions by the names of their slots, for admin/personalization/_decisions.html."""
    return [
        {
            "slot": name,
            "decision": decision,
            "considered": [
                {
                    "campaign": considered.campaign,
                    "is_on": considered.is_on,
                    "won": considered.campaign is decision.campaign,
                    "note": considered.note,
                    "answer": ANSWERS[considered.answer],
                    "lines": [
                        {
                            "sentence": line.sentence,
                            "answer": ANSWERS[line.answer],
                            "depth": line.depth,
                            "measured": "" if line.is_group else measured_text(line.measured),
                        }
                        for line in considered.trace
                    ],
                }
                for considered in decision.considered
            ],
        }
        for name, decision in decisions
    ]


def measured_text(measured: Any) -> str:
    """What a condition measured, in few characters; "" for nothing.

    >>> measured_text(3.14159), measured_text(None), measured_text(float("inf"))
    ('3.142', '', 'none')
    """
    if measured is None:
        return ""
    if isinstance(measured, float):
        return "none" if measured == float("inf") else f"{measured:.4g}"
    return str(measured) or "nothing"
