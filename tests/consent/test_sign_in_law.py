"""C8, C9, threat 9: any sequence on two devices and two accounts, against a model of its own."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from consent import selectors, services
from consent.cookies import cookie_pointer
from consent.models import Account, ConsentDecision, EffectiveConsent
from tests.consent.visitors import BOTH, Device

pytestmark = pytest.mark.django_db

DEVICES, ACCOUNTS = (0, 1), ("ana", "ben")
CHOICES: tuple[frozenset[str], ...] = (
    *(frozenset(), frozenset(BOTH)),
    *(frozenset(BOTH[:1]), frozenset(BOTH[1:])),
)
ACTS = st.one_of(
    st.tuples(st.just("choose"), st.sampled_from(DEVICES), st.sampled_from(CHOICES)),
    st.tuples(st.just("sign_in"), st.sampled_from(DEVICES), st.sampled_from(ACCOUNTS)),
    st.tuples(st.just("sign_out"), st.sampled_from(DEVICES), st.none()),
    st.tuples(st.just("signal"), st.sampled_from(DEVICES), st.none()),
)


@dataclass
class Record:
    """What somebody said last, and what was seen of them while they agreed."""

    granted: frozenset[str]
    seen: set[int] = field(default_factory=set)

    def narrowed(self, to: frozenset[str]) -> bool:
        return bool(self.granted - to)


@dataclass
class Person:
    """Who sits at a device: themselves, or an account. `asked` is whether a cookie is there."""

    record: Record | None = None
    account: str = ""
    linked: bool = False


class Model:
    """The promises in plain words: no ids, no cookies, no fences."""

    def __init__(self) -> None:
        self.people = [Person(), Person()]
        self.accounts: dict[str, Record | None] = dict.fromkeys(ACCOUNTS)

    def record(self, device: int) -> Record | None:
        person = self.people[device]
        if person.account:
            return self.accounts[person.account] if person.linked else None
        return person.record

    def choose(self, device: int, granted: frozenset[str]) -> None:
        person = self.people[device]
        old = self.accounts[person.account] if person.account else person.record
        seen = set() if old is None or old.narrowed(granted) else old.seen
        if person.account:
            self.accounts[person.account] = Record(granted, seen)
            person.linked = True
        else:
            person.record = Record(granted, seen)

    def sign_in(self, device: int, account: str) -> None:
        person, theirs = self.people[device], self.accounts[account]
        sides = [side for side in (theirs, None if person.account else person.record) if side]
        if sides:
            granted = frozenset.intersection(*(side.granted for side in sides))
            seen = [side.seen for side in sides if not side.narrowed(granted)]
            self.accounts[account] = Record(granted, set().union(*seen))
        self.people[device] = Person(account=account, linked=bool(sides))

    def sign_out(self, device: int, _: None) -> None:
        if self.people[device].account:
            self.people[device] = Person()

    def signal(self, device: int, _: None) -> None:
        record = self.record(device)
        if record and record.granted:
            self.choose(device, frozenset())


class Product:
    """The same acts on the product, and events that follow its ids."""

    def __init__(self) -> None:
        self.devices = [Device(), Device()]
        self.names = {account: f"{account} {uuid4()}" for account in ACCOUNTS}
        self.events: dict[int, UUID] = {}

    def act(self, kind: str, device: int, what: object) -> None:
        browser = self.devices[device]
        if kind == "choose":
            browser.choose(*what)  # type: ignore[misc]
        elif kind == "sign_in":
            browser.sign_in(self.names[str(what)])
        elif kind == "sign_out":
            browser.sign_out()
        else:
            browser.visit(gpc=True)

    def see(self, device: int, event: int, now: datetime) -> None:
        state = self.devices[device].state(now)
        if state.granted and state.visitor_id:
            self.events[event] = state.visitor_id

    def seen(self, visitor_id: UUID | None) -> set[int]:
        """Events of ids that hold or were merged; those of a fenced id are to be erased."""
        after = selectors.visitors_successors(self.events.values())
        return {
            event
            for event, stored in self.events.items()
            if visitor_id is not None and after.get(stored, stored) == visitor_id
        }

    def cookies_outdated(self) -> list[str]:
        """Values that were set once and name something else than the device's cookie does."""
        now, outdated = timezone.now(), []
        for browser in self.devices:
            current = cookie_pointer(browser.cookie, now)
            outdated += [one for one in browser.cookies if cookie_pointer(one, now) != current]
        return outdated


@settings(max_examples=60)
@given(st.lists(ACTS, max_size=10))
def test_the_most_restrictive_holds_on_every_device(acts: list[tuple]) -> None:
    model, product, began = Model(), Product(), timezone.now()
    for number, (kind, device, what) in enumerate(acts):
        getattr(model, kind)(device, what)
        product.act(kind, device, what)
        now = timezone.now()
        for each in DEVICES:
            record, state = model.record(each), product.devices[each].state(now)
            assert state.granted == (record.granted if record else frozenset())
            assert state.decided == (record is not None)
            event = number * len(DEVICES) + each
            product.see(each, event, now)
            if record and record.granted:
                record.seen.add(event)
                assert product.seen(state.visitor_id) == record.seen
        for value in product.cookies_outdated():
            assert selectors.consent_for_cookie(value, False, now).visitor_id is None
    decided = ConsentDecision.objects.filter(decided_at__gte=began)
    ids = set(decided.values_list("visitor_id", flat=True))
    assert services.effective_rebuild(visitor_ids=ids) == 0
    fenced = EffectiveConsent.objects.filter(fenced_at__isnull=False)
    assert not Account.objects.filter(visitor_id__in=fenced.values("visitor_id")).exists()
