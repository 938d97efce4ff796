"""What a visitor's decisions add up to: pure functions over immutable values.

A visitor's `Standing` is the fold of their decisions. `state_at` is the one gate function: it turns
a standing into the `ConsentState` that holds for one request at one moment. The law (consent.md
C8): *the most restrictive state, unless a later explicit grant under the current notice exists*.

Times are timezone-aware datetimes and are always the server's. Nothing is granted by absence:
no standing, an unknown purpose, a purpose that is no longer active, an outdated version and an
expired choice all mean "denied".

A grant that is no longer in force ends its id, as a withdrawal does: versions only rise and time
only passes, so what ended stays ended, and the next choice belongs to a new id.

Boundary: no Django, no database, no clock, no request; purposes arrive as keys with versions.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

LIFETIME = timedelta(days=180)

Versions = Mapping[str, int]  # active purpose key -> its current material version


class Control(StrEnum):
    """How a decision came about."""

    BANNER_ACCEPT = "banner-accept"
    BANNER_REJECT = "banner-reject"
    PREFERENCES = "preferences"
    WITHDRAW = "withdraw"
    GPC = "gpc"
    IMPORT = "import"
    SIGN_IN = "sign-in"


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision: for each purpose asked about, granted (True) or denied (False)."""

    at: datetime
    states: Mapping[str, bool]
    versions: Versions
    gpc_seen: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """The latest decision on one purpose; `version` is the purpose's version as it was shown."""

    granted: bool
    at: datetime
    version: int
    gpc_seen: bool = False

    @property
    def expires_at(self) -> datetime:
        return self.at + LIFETIME


@dataclass(frozen=True, slots=True)
class Standing:
    """All choices recorded under one visitor id. A fenced id is denied for good."""

    choices: Mapping[str, Choice] = field(default_factory=dict)
    fenced_at: datetime | None = None

    @property
    def decided_at(self) -> datetime | None:
        return max((choice.at for choice in self.choices.values()), default=None)

    @property
    def granted(self) -> frozenset[str]:
        """Purposes whose latest choice is a grant, whether or not it is still in force."""
        if self.fenced_at is not None:
            return frozenset()
        return frozenset(key for key, choice in self.choices.items() if choice.granted)

    @property
    def expires_at(self) -> datetime:
        """When the first grant ends and the id with it; without a grant, when the last denial does.

        Raises ValueError for a standing without a choice.
        """
        chosen = self.choices.values()
        ends = [choice.expires_at for choice in chosen if choice.granted]
        return min(ends) if ends else max(choice.expires_at for choice in chosen)

    def lapsed_at(self, now: datetime, versions: Versions) -> bool:
        """Whether a grant has expired, or its purpose is inactive or has changed since."""
        return any(
            key not in versions
            or self.choices[key].version < versions[key]
            or now >= self.choices[key].expires_at
            for key in self.granted
        )

    def in_force_at(self, now: datetime) -> bool:
        """Whether any choice, grant or denial, has not expired."""
        return any(now < choice.expires_at for choice in self.choices.values())


@dataclass(frozen=True, slots=True)
class Resolution:
    """What one decision does: the standing that now holds, and the old one if it was fenced.

    `withdrawn` names what the fenced id had granted and the decision denies, or all of it after a
    lapse.
    """

    standing: Standing
    fenced: Standing | None
    withdrawn: frozenset[str]

    @property
    def rotated(self) -> bool:
        return self.fenced is not None


@dataclass(frozen=True, slots=True)
class ConsentState:
    """What may be done for one request, now.

    `visitor_id` None means no record. `decided` means a choice on every active purpose is on
    record and in force, so no banner is shown. `signal_pending` means that this request's opt-out
    signal contradicts a grant on record: it already counts, and is still to be persisted.
    """

    visitor_id: UUID | None = None
    granted: frozenset[str] = frozenset()
    decided: bool = False
    gpc: bool = False
    decided_at: datetime | None = None
    expires_at: datetime | None = None
    signal_pending: bool = False

    def allows(self, purpose: str) -> bool:
        return purpose in self.granted

    @property
    def tracker_allowed(self) -> bool:
        return bool(self.granted)

    @property
    def signal_honoured(self) -> bool:
        """The opt-out signal is on and nothing was granted in spite of it."""
        return self.gpc and not self.granted


def gpc_from_header(value: str | None) -> bool:
    """Whether a `Sec-GPC` header is an opt-out: only exactly `1` is.

    >>> [gpc_from_header(value) for value in ("1", "1 ", "01", "true", "0", "", None)]
    [True, False, False, False, False, False, False]
    """
    return value == "1"


def decision_resolve(standing: Standing | None, decision: Decision) -> Resolution:
    """Apply a decision to the standing of the id that the browser presented (None: no id).

    Decisions on one id are ordered by when they are applied; a clock that runs behind cannot move
    one before another. At the same instant a denial wins. Narrowing (a denial of what was granted)
    and a lapse fence the id: the decision then belongs to a new one. A grant that reaches an
    already fenced id counts only if it was made after the fence.
    """
    if standing is None:
        return Resolution(_fresh(decision), None, frozenset())
    if standing.fenced_at is not None:
        late = decision.at <= standing.fenced_at
        return Resolution(_fresh(_denied(decision) if late else decision), None, frozenset())
    at = max(decision.at, standing.decided_at or decision.at)
    resolved = replace(
        decision,
        at=at,
        states={
            key: wanted and not _denied_at(standing, key, at)
            for key, wanted in decision.states.items()
        },
    )
    lapsed = standing.lapsed_at(at, decision.versions)
    withdrawn = frozenset(
        key for key in standing.granted if lapsed or not resolved.states.get(key, True)
    )
    if not withdrawn:
        merged = {**standing.choices, **_fresh(resolved).choices}
        return Resolution(Standing(merged), None, withdrawn)
    return Resolution(_fresh(resolved), standing_fence(standing, at=at), withdrawn)


def standing_fence(standing: Standing, *, at: datetime) -> Standing:
    """The same record with everything denied, for good."""
    choices = {
        key: replace(choice, granted=False, at=max(at, choice.at))
        for key, choice in standing.choices.items()
    }
    return Standing(choices, standing.fenced_at or at)


def standing_attest(standing: Standing | None, decision: Decision) -> Standing | None:
    """Add grants attested elsewhere (an import); None if that changes nothing.

    An attestation is no click of the visitor's: it never overrides a denial, not even an expired
    one, nor revives an id that was fenced or has lapsed.
    """
    if standing is None:
        return _fresh(decision)
    at = max(decision.at, standing.decided_at or decision.at)
    if standing.fenced_at is not None or standing.lapsed_at(at, decision.versions):
        return None
    added = {
        key: choice
        for key, choice in _fresh(replace(decision, at=at)).choices.items()
        if choice.granted and key not in standing.choices
    }
    return Standing({**standing.choices, **added}) if added else None


def standing_merge(left: Standing, right: Standing, *, at: datetime) -> Standing:
    """The standing of two records that turn out to be one visitor's (a login).

    A merge is no explicit grant: per purpose the denial wins whatever its date, and of two grants
    the weaker of each trait holds. A purpose on which only one side decided keeps that decision.
    An expired choice is none. A fenced record stands for a denial of everything it knew. A record
    that has lapsed is none: it is not for merging.
    """
    sides = [
        {key: choice for key, choice in side.choices.items() if at < choice.expires_at}
        for side in (left, right)
    ]
    both = sides[0].keys() & sides[1].keys()
    return Standing(
        {
            **sides[0],
            **sides[1],
            **{key: _weaker(sides[0][key], sides[1][key]) for key in both},
        }
    )


def state_at(
    standing: Standing | None,
    *,
    visitor_id: UUID | None,
    now: datetime,
    gpc: bool,
    versions: Versions,
) -> ConsentState:
    """The gate: what holds now, for a request with or without an opt-out signal."""
    if standing is None or standing.fenced_at is not None or standing.lapsed_at(now, versions):
        return ConsentState(gpc=gpc)
    in_force = {
        key: choice
        for key, choice in standing.choices.items()
        if key in versions and now < choice.expires_at
    }
    if not in_force:
        return ConsentState(gpc=gpc)
    current = {
        key: choice
        for key, choice in in_force.items()
        if not choice.granted or choice.version == versions[key]
    }
    held = {key for key, choice in current.items() if choice.granted}
    overruled = any(c.granted and not c.gpc_seen for c in in_force.values()) if gpc else False
    return ConsentState(
        visitor_id=visitor_id,
        granted=frozenset() if overruled else frozenset(held),
        decided=overruled or current.keys() == versions.keys(),
        gpc=gpc,
        decided_at=max(choice.at for choice in in_force.values()),
        expires_at=min(choice.expires_at for choice in in_force.values()),
        signal_pending=overruled,
    )


def standings_fold(decisions: Iterable[Decision], begin: Standing | None = None) -> Standing:
    """Rebuild one id's standing from its recorded decisions, oldest first.

    `begin` is what the last sign-in made of the record; the decisions are those after it. The
    decision that narrowed an id is its last: what the visitor chose instead was recorded under
    the new id.
    """
    standing = begin or Standing()
    for decision in decisions:
        resolution = decision_resolve(standing, decision)
        if resolution.fenced is not None:
            return resolution.fenced
        standing = resolution.standing
    return standing


def _fresh(decision: Decision) -> Standing:
    return Standing(
        {
            key: Choice(granted, decision.at, decision.versions.get(key, 0), decision.gpc_seen)
            for key, granted in decision.states.items()
        }
    )


def _denied(decision: Decision) -> Decision:
    return replace(decision, states=dict.fromkeys(decision.states, False))


def _denied_at(standing: Standing, key: str, at: datetime) -> bool:
    choice = standing.choices.get(key)
    return choice is not None and not choice.granted and choice.at == at


def _weaker(left: Choice, right: Choice) -> Choice:
    if not (left.granted and right.granted):
        return max((c for c in (left, right) if not c.granted), key=lambda choice: choice.at)
    return Choice(
        granted=True,
        at=min(left.at, right.at),
        version=min(left.version, right.version),
        gpc_seen=left.gpc_seen and right.gpc_seen,
    )
