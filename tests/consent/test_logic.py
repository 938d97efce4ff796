"""The law of consent, checked against a model written without looking at the implementation."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consent.codec import standing_dump, standing_load
from consent.logic import (
    LIFETIME,
    Choice,
    Decision,
    Standing,
    decision_resolve,
    gpc_from_header,
    standing_attest,
    standing_merge,
    standings_fold,
    state_at,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
PURPOSES = ("measurement", "personalization")
VISITOR = UUID(int=1)
ONE = dict.fromkeys(PURPOSES, 1)


def days(number: float) -> datetime:
    return START + timedelta(days=number)


def decide(at: float, *granted: str, gpc: bool = False, versions=ONE) -> Decision:
    return Decision(days(at), {key: key in granted for key in PURPOSES}, versions, gpc)


def look(standing: Standing | None, at: float, *, gpc: bool = False, versions=ONE):
    return state_at(standing, visitor_id=VISITOR, now=days(at), gpc=gpc, versions=versions)


# --- One line of consent.md each --------------------------------------------------------------


def test_nothing_is_granted_without_a_record():
    state = look(None, 0)
    assert (state.visitor_id, state.granted, state.decided) == (None, frozenset(), False)


def test_granting_measurement_leaves_personalization_off():
    """B8."""
    state = look(decision_resolve(None, decide(0, "measurement")).standing, 1)
    assert state.allows("measurement")
    assert not state.allows("personalization")
    assert state.decided


@pytest.mark.parametrize("granted", [PURPOSES, ()])
def test_grant_and_denial_both_last_180_days(granted):
    """C7."""
    standing = decision_resolve(None, decide(0, *granted)).standing
    last = look(standing, 180 - 1e-6)
    assert last.decided
    assert last.granted == frozenset(granted)
    assert last.expires_at == days(0) + LIFETIME
    after = look(standing, 180)
    assert not after.decided
    assert after.visitor_id is None
    assert not after.granted


def test_merge_of_anonymous_grant_and_account_denial_is_denied_whatever_came_last():
    """C9."""
    grant = decision_resolve(None, decide(5, *PURPOSES)).standing
    denial = decision_resolve(None, decide(1)).standing
    for merged in (
        standing_merge(grant, denial, at=days(6)),
        standing_merge(denial, grant, at=days(6)),
    ):
        assert not look(merged, 6).granted
        assert look(merged, 6).decided


def test_signal_without_a_record_denies_everything_and_is_shown():
    """D1."""
    state = look(None, 0, gpc=True)
    assert not state.granted
    assert state.signal_honoured


def test_explicit_grant_while_the_signal_is_on_holds():
    """D1."""
    standing = decision_resolve(None, decide(0, *PURPOSES, gpc=True)).standing
    assert look(standing, 1, gpc=True).granted == set(PURPOSES)
    assert look(standing, 1, gpc=False).granted == set(PURPOSES)


@pytest.mark.parametrize("value", [None, "", "0", "true", "1 ", " 1", "1, 1", "01", "１"])
def test_no_other_value_than_exactly_1_is_the_signal(value):
    """D2."""
    assert not gpc_from_header(value)
    assert gpc_from_header("1")


def test_signal_after_a_grant_is_an_opt_out():
    """D3."""
    state = look(decision_resolve(None, decide(0, *PURPOSES)).standing, 1, gpc=True)
    assert not state.granted
    assert state.signal_pending
    assert state.decided


def test_material_change_makes_grants_stale_and_denials_stay():
    """E7."""
    new = {**ONE, "measurement": 2}
    granted = look(decision_resolve(None, decide(0, *PURPOSES)).standing, 1, versions=new)
    assert (granted.visitor_id, granted.granted, granted.decided) == (None, frozenset(), False)
    other = look(decision_resolve(None, decide(0, "personalization")).standing, 1, versions=new)
    assert other.granted == {"personalization"}
    denied = look(decision_resolve(None, decide(0)).standing, 1, versions=new)
    assert denied.decided


LAPSES = {
    "changed": (1, {**ONE, "measurement": 2}),
    "inactive": (1, {"personalization": 1}),
    "expired": (180, ONE),
}


@pytest.mark.parametrize("lapse", LAPSES)
def test_a_lapse_of_one_grant_ends_the_id_as_a_withdrawal_does(lapse):
    at, versions = LAPSES[lapse]
    first = decision_resolve(None, decide(0, *PURPOSES)).standing
    assert look(first, at, versions=versions).visitor_id is None
    again = Decision(days(at), dict.fromkeys(versions, True), versions)
    resolution = decision_resolve(first, again)
    assert resolution.fenced is not None
    assert not look(resolution.fenced, at).granted
    assert resolution.withdrawn == set(PURPOSES)
    assert look(resolution.standing, at, versions=versions).granted == versions.keys()
    assert standing_attest(first, again) is None


def test_the_first_grant_to_expire_ends_the_id():
    """C1."""
    early = Decision(days(0), {"measurement": True}, ONE)
    late = Decision(days(90), {"personalization": True}, ONE)
    standing = standing_attest(decision_resolve(None, early).standing, late)
    assert standing is not None
    assert standing.expires_at == days(180)
    assert look(standing, 179).granted == set(PURPOSES)
    assert look(standing, 180).visitor_id is None


def test_a_new_purpose_is_off_and_asked_for():
    standing = decision_resolve(None, decide(0, *PURPOSES)).standing
    state = look(standing, 1, versions={**ONE, "advertising": 1})
    assert state.granted == set(PURPOSES)
    assert not state.decided


def test_narrowing_fences_the_old_id_and_starts_a_new_one():
    first = decision_resolve(None, decide(0, *PURPOSES)).standing
    resolution = decision_resolve(first, decide(1, "measurement"))
    assert resolution.rotated
    assert resolution.withdrawn == {"personalization"}
    assert resolution.fenced is not None
    assert look(resolution.fenced, 1).visitor_id is None
    assert look(resolution.standing, 1).granted == {"measurement"}


def test_a_grant_sent_before_the_fence_and_arriving_after_it_is_denied():
    fenced = decision_resolve(
        decision_resolve(None, decide(0, *PURPOSES)).standing, decide(2)
    ).fenced
    assert not decision_resolve(fenced, decide(2, *PURPOSES)).standing.granted
    assert decision_resolve(fenced, decide(2.1, *PURPOSES)).standing.granted == set(PURPOSES)


def test_an_attestation_never_widens_a_denial_nor_revives_a_fence():
    denial = decision_resolve(None, decide(0)).standing
    assert standing_attest(denial, decide(1, *PURPOSES)) is None
    grant = decision_resolve(None, decide(0, *PURPOSES)).standing
    assert standing_attest(grant, decide(1, *PURPOSES)) is None
    fenced = decision_resolve(grant, decide(1)).fenced
    assert standing_attest(fenced, decide(2, *PURPOSES)) is None
    assert standing_attest(grant, decide(181, *PURPOSES)) is None


# --- C8: all sequences ------------------------------------------------------------------------


@dataclass(frozen=True)
class Act:
    """One thing that happens: `gap` days after the one before."""

    kind: str
    gap: float
    purposes: frozenset[str] = frozenset()
    gpc: bool = False
    other: tuple["Act", ...] = ()


@dataclass
class Model:
    """The whole story as a list, judged from the end: slow, and nothing like the fold.

    `story[purpose]` holds (when, granted?, version, made under the signal?) in order, `denied` when
    it was denied last: a grant of that instant is no later one, not even after a lapse.
    """

    story: dict[str, list[tuple[datetime, bool, int, bool]]] = field(
        default_factory=lambda: {purpose: [] for purpose in PURPOSES}
    )
    denied: dict[str, datetime] = field(default_factory=dict)

    def holds(self, purpose, now, versions):
        facts = self.story[purpose]
        return any(
            granted
            and now < when + LIFETIME
            and version == versions[purpose]
            and all(later for _, later, _, _ in facts[index:])
            for index, (when, granted, version, _) in enumerate(facts)
        )

    def lapse(self, now, versions):
        """One grant that is no longer in force, and nothing was ever said."""
        latest = [(key, facts[-1]) for key, facts in self.story.items() if facts]
        if any(
            granted and (now >= when + LIFETIME or version != versions[key])
            for key, (when, granted, version, _) in latest
        ):
            self.story = {purpose: [] for purpose in PURPOSES}

    def signal(self, now, versions):
        """An opt-out, if anything unexpired was granted without the signal."""
        latest = [facts[-1] for facts in self.story.values() if facts]
        if any(granted and not seen and now < when + LIFETIME for when, granted, _, seen in latest):
            self.say(now, frozenset(), versions, True)

    def say(self, now, purposes, versions, gpc):
        for purpose in PURPOSES:
            granted = purpose in purposes and self.denied.get(purpose) != now
            self.story[purpose].append((now, granted, versions[purpose], gpc))
            if not granted:
                self.denied[purpose] = now

    def join(self, other, now):
        for purpose in PURPOSES:
            mine, theirs = (
                [fact for fact in side.story[purpose][-1:] if now < fact[0] + LIFETIME]
                for side in (self, other)
            )
            both = mine + theirs
            denials = [fact for fact in both if not fact[1]]
            if denials:
                self.story[purpose] = [max(denials)]
                self.denied[purpose] = max(denials)[0]
            elif len(both) == 2:
                (a, _, v, s), (b, _, w, t) = both
                self.story[purpose] = [(min(a, b), True, min(v, w), s and t)]
            else:
                self.story[purpose] = both


def acts_of(*kinds):
    return st.builds(
        Act,
        kind=st.sampled_from(kinds),
        gap=st.sampled_from([0, 0, 0.5, 10, 90]),
        purposes=st.sampled_from([frozenset(), frozenset(PURPOSES), frozenset(PURPOSES[:1])]),
        gpc=st.booleans(),
    )


CHOOSING = acts_of("choose", "choose", "withdraw")
ACTS = st.one_of(CHOOSING, acts_of("choose", "expire", "material", "typo", "visit"))
MERGES = st.builds(
    Act,
    kind=st.just("merge"),
    gap=st.sampled_from([0, 1, 100]),
    other=st.lists(acts_of("choose"), min_size=1, max_size=3).map(tuple),
)


@dataclass
class Browser:
    """What the product keeps: one standing, replaced as its functions say."""

    standing: Standing | None = None
    dead: list[Standing] = field(default_factory=list)

    def apply(self, now, purposes, versions, gpc):
        if self.standing and not self.standing.granted and not self.standing.in_force_at(now):
            self.standing = None
        decision = Decision(now, {key: key in purposes for key in PURPOSES}, versions, gpc)
        resolution = decision_resolve(self.standing, decision)
        self.standing = resolution.standing
        if resolution.fenced:
            self.dead.append(resolution.fenced)

    def visit(self, now, gpc, versions):
        state = state_at(self.standing, visitor_id=VISITOR, now=now, gpc=gpc, versions=versions)
        if state.signal_pending:
            self.apply(now, (), versions, True)
        return state


MATERIAL = Act("material", 0, frozenset(PURPOSES))


@settings(max_examples=500)
@given(st.lists(st.one_of(ACTS, MERGES), max_size=12))
@example(
    [Act("choose", 0, frozenset(PURPOSES[:1])), MATERIAL, Act("choose", 0, frozenset(PURPOSES))]
)
def test_most_restrictive_unless_a_later_explicit_grant_under_the_current_notice(acts):
    """C8, D3, D4, E7."""
    model, browser, versions, now = Model(), Browser(), dict(ONE), START
    for act in acts:
        now += timedelta(days=act.gap)
        if act.kind == "expire":
            now += LIFETIME
        elif act.kind == "material":
            versions = {**versions, **{key: versions[key] + 1 for key in act.purposes}}
        model.lapse(now, versions)
        if act.kind in ("choose", "withdraw"):
            wanted = act.purposes if act.kind == "choose" else frozenset()
            model.say(now, wanted, versions, act.gpc)
            browser.apply(now, wanted, versions, act.gpc)
        elif act.kind == "merge":
            account, other = Browser(), Model()
            for said in act.other:
                account.apply(now, said.purposes, versions, said.gpc)
                other.say(now, said.purposes, versions, said.gpc)
            if browser.standing and account.standing and any(model.story.values()):
                browser.standing = standing_merge(browser.standing, account.standing, at=now)
                model.join(other, now)
        if act.gpc:
            model.signal(now, versions)
        state = browser.visit(now, act.gpc, versions)
        expected = {purpose for purpose in PURPOSES if model.holds(purpose, now, versions)}
        assert state.granted == expected
        assert state.tracker_allowed == bool(expected)
        for fenced in browser.dead:
            assert not look(fenced, 0, versions=versions).granted


@given(st.lists(CHOOSING, max_size=8))
def test_incremental_standing_equals_the_fold_of_its_decisions(acts):
    standing, now, kept = Standing(), START, []
    for act in acts:
        now += timedelta(days=act.gap)
        wanted = act.purposes if act.kind == "choose" else ()
        decision = Decision(now, {key: key in wanted for key in PURPOSES}, ONE, act.gpc)
        resolution = decision_resolve(standing, decision)
        kept.append(decision)
        standing = resolution.fenced or resolution.standing
        if resolution.fenced:
            break
    assert standings_fold(kept) == standing


MOMENTS = st.datetimes(timezones=st.just(UTC))
CHOICES = st.builds(Choice, st.booleans(), MOMENTS, st.integers(0, 99), st.booleans())
STANDINGS = st.builds(
    Standing, st.dictionaries(st.text(max_size=9), CHOICES, max_size=4), st.none() | MOMENTS
)


@given(STANDINGS)
def test_a_standing_survives_the_cache(standing):
    assert standing_load(standing_dump(standing)) == standing


@given(st.binary(max_size=60))
def test_garbage_in_the_cache_is_an_error_never_a_grant(raw):
    with pytest.raises(ValueError, match="not a consent standing"):
        standing_load(raw)


@given(STANDINGS, STANDINGS, MOMENTS)
def test_merge_is_symmetric_and_never_wider_than_either_side(left, right, now):
    merged = standing_merge(left, right, at=now)
    assert merged == standing_merge(right, left, at=now)
    for key in merged.granted:
        for side in (left, right):
            choice = side.choices.get(key)
            assert choice is None or choice.granted or now >= choice.expires_at


def test_a_clock_that_runs_behind_does_not_reorder_decisions():
    grant = decision_resolve(None, decide(5, *PURPOSES)).standing
    assert decision_resolve(grant, decide(4)).rotated
    denial = decision_resolve(None, decide(5)).standing
    assert not decision_resolve(denial, decide(4, *PURPOSES)).standing.granted
    assert replace(denial, fenced_at=days(6)).granted == frozenset()
