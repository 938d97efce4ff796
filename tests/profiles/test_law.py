"""The law: incremental = rebuild = what a model says that knows nothing of the product's code."""

from __future__ import annotations

import time
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.cookies import cookie_value
from profiles import declaring, rebuild, selectors, services
from profiles.compare import state_differences
from profiles.state import State
from tests.consent.visitors import BOTH, Device
from tests.profiles.law_model import DAY_MS, GROWING, Told, model_differences, model_of
from tests.tracking.people import ana_make, inbox_put
from tracking import merging
from tracking import selectors as tracking_selectors
from tracking import services as tracking_services

pytestmark = pytest.mark.django_db

#: Two browsers before their sign-ins, and the account both sign in to; their clocks are wrong.
WHO = (0, 1, 2)
SKEW_MS = (0, 90_000, -3_600_000)
#: Half-lives in seconds, of some signals other than usual.
DEFINITIONS: tuple[dict[str, tuple[float, float]], ...] = (
    {},
    {"click": (2 * 86_400.0, 90 * 86_400.0), "dwell": (21_600.0, 10 * 86_400.0)},
    {"dismiss": (43_200.0, 7 * 86_400.0)},
)
TYPES = ("page_view", "click", "category_click", "dwell", "scroll", "like", "dismiss", "exposure")
STEPS = ("sign_in", "merge", "drain", "define")
REQUESTS = 5

VISITS = st.lists(
    st.fixed_dictionaries(
        {
            "days_ago": st.integers(1, 90),
            "hour": st.integers(0, 23),
            "who": st.sampled_from(WHO),
            "kind": st.sampled_from(["counts"] * 6 + ["bot", "measurement"]),
        }
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda visit: (visit["days_ago"], visit["hour"]),
)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(TYPES),
            "category": st.sampled_from(["", "gardening", "cooking", "a:b"]),
            "content_type": st.sampled_from(["", "article", "video"]),
            "visit": st.integers(0, 5),
            "second": st.integers(0, 1_799),
            # In which request each report is; of a growing event also how large it was by then.
            "reports": st.lists(
                st.tuples(st.integers(0, REQUESTS - 1), st.integers(1, 90)), min_size=1, max_size=4
            ),
        }
    ),
    min_size=1,
    max_size=60,
)
#: What else happens before a request of this number.
BETWEEN = st.lists(
    st.tuples(st.integers(0, REQUESTS), st.sampled_from(STEPS), st.sampled_from(WHO)), max_size=8
)


class Accepted(NamedTuple):
    """An event and the requests that report it: (number, value)."""

    told: Told
    who: int
    kind: str
    reports: list[tuple[int, float]]
    id: str
    view: str


def accepted_make(events: list[dict[str, Any]], visits: list[dict[str, Any]]) -> list[Accepted]:
    midnight = int(time.time() * 1000) // DAY_MS * DAY_MS
    names = [str(uuid4()) for _ in visits]
    accepted = []
    for spec in events:
        number = spec["visit"] % len(visits)
        visit = visits[number]
        at = midnight - visit["days_ago"] * DAY_MS + visit["hour"] * 3_600_000
        is_growing = spec["type"] in GROWING
        unit = 0.01 if spec["type"] == "scroll" else 1.0
        reports = [
            (request, value * unit if is_growing else 1.0) for request, value in spec["reports"]
        ]
        told = Told(
            type=spec["type"],
            at=at + spec["second"] * 1000,
            category=spec["category"],
            content_type=spec["content_type"],
            visit=names[number],
            values=tuple(value for _, value in reports),
        )
        ids = str(uuid4()), str(uuid4())
        accepted.append(Accepted(told, visit["who"], visit["kind"], reports, *ids))
    return accepted


class World:
    """Two browsers and an account, all of one person."""

    def __init__(self) -> None:
        self.name = f"ana {uuid4()}"
        phone = Device()
        phone.choose(*BOTH)
        phone.sign_in(self.name)
        assert phone.visitor_id is not None
        self.ids = [ana_make(), ana_make(), phone.visitor_id]
        self.account = phone.visitor_id
        self.shard = tracking_selectors.shard_of(self.account)
        self.define(0)  # the examples share one database

    def request_send(self, number: int, accepted: list[Accepted]) -> None:
        """All that a request of this number reports: one for each browser and each kind."""
        requests: dict[tuple[int, str], list[dict[str, Any]]] = defaultdict(list)
        for one in accepted:
            for _, value in (report for report in one.reports if report[0] == number):
                requests[one.who, one.kind].append(self.wire_make(one, value))
        for (who, kind), events in requests.items():
            inbox_put(
                self.ids[who],
                events,
                skew_ms=SKEW_MS[who],
                is_bot=kind == "bot",
                basis="measurement" if kind == "measurement" else ",".join(BOTH),
            )

    def wire_make(self, one: Accepted, value: float) -> dict[str, Any]:
        told = one.told
        return {
            "id": one.id,
            "type": told.type,
            "at": told.at - SKEW_MS[one.who],
            "visit": told.visit,
            "view": one.view,
            "category": told.category or None,
            "content_type": told.content_type or None,
            "value": value if told.type in GROWING else None,
        }

    def sign_in(self, who: int) -> None:
        browser = Device()
        browser.cookie = cookie_value(self.ids[who], datetime.now(UTC))
        if self.ids[who] != self.account:
            browser.sign_in(self.name)

    def merge(self, who: int) -> None:
        merging.visitor_merge(from_id=self.ids[who])

    def drain(self, who: int) -> None:
        tracking_services.shard_drain(tracking_selectors.shard_of(self.ids[who]))

    def define(self, who: int) -> None:
        """Other half-lives from here on, and the profiles of so far rebuilt by them."""
        declaring.definition_set(half_lives=DEFINITIONS[who], reason="a test")
        rebuild.shard_rebuild(self.shard)

    def settle(self) -> None:
        for step in (self.sign_in, self.merge, self.drain, self.drain):
            for who in WHO:
                step(who)


def plain(state: State | None) -> dict[str, Any]:
    """A profile as plain values, nothing left out."""
    assert state is not None
    return {name: msgspec.to_builtins(getattr(state, name)) for name in State.__struct_fields__}


@settings(max_examples=40)
@given(visits=VISITS, events=EVENTS, between=BETWEEN)
def test_grown_and_rebuilt_profiles_are_what_the_model_says(
    visits: list[dict[str, Any]],
    events: list[dict[str, Any]],
    between: list[tuple[int, str, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Late and in any order, reported again and in growing parts, in any requests, folded a few
    at a time, merged by sign-ins, with bots and what may not be used, under several half-lives."""
    monkeypatch.setattr(services, "FOLD_EVENTS", 7)
    world, now = World(), time.time()
    accepted = accepted_make(events, visits)
    for number in range(REQUESTS + 1):
        for _, step, who in (one for one in between if one[0] == number):
            getattr(world, step)(who)
        world.request_send(number, accepted)
    world.settle()

    incremental = selectors.profile_get(world.account)
    rebuild.shard_rebuild(world.shard)
    rebuilt = selectors.profile_get(world.account)
    told = [one.told for one in accepted if one.kind == "counts"]
    if not told:
        assert (incremental, rebuilt) == (None, None)
        return
    assert incremental is not None
    assert rebuilt is not None
    assert state_differences(incremental, rebuilt) == []
    for state in (incremental, rebuilt):
        half_lives = selectors.definition_get(state.definition).half_lives
        assert state.half_lives == half_lives
        model = model_of(told, half_lives, now=now)
        assert model is not None
        assert model_differences(plain(state), model, half_lives, now) == []


def test_the_model_sees_a_profile_that_is_wrong() -> None:
    """A law that nothing could break would say nothing."""
    at = 1_763_800_000_000
    told = [Told("click", at + n, "gardening", "article", "v", (1.0,)) for n in range(3)]
    now = at / 1000 + 5_000
    model = model_of(told, {}, now=now)
    assert model is not None
    world = World()
    inbox_put(
        world.account,
        [
            {
                "id": str(UUID(int=n + 1)),
                "type": "click",
                "at": one.at,
                "visit": str(UUID(int=9)),
                "view": str(uuid4()),
                "category": one.category,
                "content_type": one.content_type,
            }
            for n, one in enumerate(told)
        ],
    )
    world.drain(2)
    state = plain(selectors.profile_get(world.account))
    assert model_differences(state, model, {}, now) == []
    for name, wrong in {
        "counts": {"click": 4},
        "first": at + 1,
        "visits": 2,
        "recent": {"click|": [at]},
        "masses": state["masses"] | {"click|": [1.0, 2.0, 3]},
        "days": {},
    }.items():
        assert model_differences(state | {name: wrong}, model, {}, now) != [], name
