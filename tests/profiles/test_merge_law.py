"""A merge is adding events: the account's profile is that of one visitor who did everything."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from math import isclose
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consent.cookies import cookie_value
from profiles import rebuild, selectors
from tests.consent.visitors import BOTH, Device
from tests.tracking.people import ana_make, event_make, inbox_put
from tracking import merging
from tracking import selectors as tracking_selectors
from tracking import services as tracking_services

pytestmark = pytest.mark.django_db

#: Two browsers before their sign-ins, and the account both sign in to.
WHO = (0, 1, 2)
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "who": st.sampled_from(WHO),
            "type": st.sampled_from(["page_view", "click", "dwell", "scroll"]),
            "category": st.sampled_from([None, "gardening", "cooking"]),
            "value": st.integers(1, 50).map(float),
            # Sittings of less than 30 minutes, hours apart: no event bridges two of them, so which
            # visit it joins does not hang on the order of drains.
            "age": st.tuples(
                st.integers(0, 3) | st.integers(0, 12 * 90), st.integers(0, 1_700)
            ).map(lambda one: one[0] * 7_200 + one[1]),
            "visit": st.integers(0, 3),
            "again": st.sampled_from([None, *WHO]),
        }
    ),
    min_size=1,
    max_size=15,
)
#: What else happens, in any order, before the event of this number.
STEPS = st.lists(
    st.tuples(
        st.integers(0, 15), st.sampled_from(["sign_in", "merge", "drain"]), st.sampled_from(WHO)
    ),
    max_size=12,
)


def same(left: Any, right: Any) -> bool:
    """Equal, numbers to 1e-9."""
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float):
        return isclose(left, right, rel_tol=1e-9, abs_tol=1e-9)
    return bool(left == right)


def plain(visitor_id: UUID) -> dict[str, Any]:
    """The profile as plain values, without when a shared visit began and what it is called.

    Of a visit that both had part in, the part that was drained last brings no second beginning, and
    a visit that was split is called after the event that was drained first.
    """
    state = selectors.profile_get(visitor_id)
    values: dict[str, Any] = msgspec.to_builtins(state) if state else {}
    values.pop("starts", None)
    values.pop("visit", None)
    return values


class World:
    """Two browsers, an account, and Cleo, who does all of it under one id."""

    def __init__(self) -> None:
        self.name = f"ana {uuid4()}"
        phone = Device()
        phone.choose(*BOTH)
        phone.sign_in(self.name)
        assert phone.visitor_id is not None
        self.ids = [ana_make(), ana_make(), phone.visitor_id]
        self.cleo = ana_make()

    def sign_in(self, who: int) -> None:
        browser = Device()
        browser.cookie = cookie_value(self.ids[who], datetime.now(UTC))
        if who != 2:
            browser.sign_in(self.name)

    def merge(self, who: int) -> None:
        merging.visitor_merge(from_id=self.ids[who])

    def drain(self, who: int) -> None:
        tracking_services.shard_drain(tracking_selectors.shard_of(self.ids[who]))

    def put(self, who: int, event: dict[str, Any]) -> None:
        inbox_put(self.ids[who], [event])
        inbox_put(self.cleo, [event])

    def settle(self, order: list[int]) -> None:
        """Everybody signed in, merged and drained, in this order."""
        for step in (self.sign_in, self.merge, self.drain, self.drain):
            for who in order:
                step(who)
        tracking_services.shard_drain(tracking_selectors.shard_of(self.cleo))


@settings(max_examples=25)
@given(history=EVENTS, steps=STEPS, seed=st.integers())
def test_a_merged_profile_is_that_of_one_visitor_who_did_everything(
    history: list[dict[str, Any]], steps: list[tuple[int, str, int]], seed: int
) -> None:
    """Two merges in any order, repeated, before, between and after drains, with retries across."""
    world, now = World(), time.time() * 1000
    for number, spec in enumerate(history):
        for _, step, who in (one for one in steps if one[0] == number):
            getattr(world, step)(who)
        event = event_make(
            spec["type"],
            at=now - spec["age"] * 1000,
            category=spec["category"],
            value=spec["value"],
            visit=str(UUID(int=world.cleo.int ^ (1 + spec["visit"]))),
        )
        world.put(spec["who"], event)
        if spec["again"] is not None:
            world.put(spec["again"], event | {"value": spec["value"] * 2})
    world.settle(random.Random(seed).sample(WHO, len(WHO)))
    account, cleo = plain(world.ids[2]), plain(world.cleo)
    assert same(account, cleo), (account, cleo)
    assert plain(world.ids[0]) == plain(world.ids[1]) == {}
    incremental = selectors.profile_get(world.ids[2])
    rebuild.shard_rebuild(tracking_selectors.shard_of(world.ids[2]))
    assert same(
        msgspec.to_builtins(selectors.profile_get(world.ids[2])), msgspec.to_builtins(incremental)
    )
