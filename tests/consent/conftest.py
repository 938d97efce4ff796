"""Three visitors: Ana consented, Ben refused, Cleo consented and then withdrew.

Imports wait for the fixtures: this file is read before Django is set up.
"""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest


@pytest.fixture(autouse=True)
def _fresh_catalogue() -> Iterator[None]:
    from consent import catalogue

    catalogue.forget()
    yield
    catalogue.forget()


def _visitor(*choices: str) -> SimpleNamespace:
    from django.test import Client

    from tests.consent.visitors import choose, visitor_id_of

    client, ids = Client(), []
    for choice in choices:
        choose(client, choice)
        ids.append(visitor_id_of(client))
    return SimpleNamespace(client=client, visitor_id=ids[-1], old_id=ids[0])


@pytest.fixture
def ana(db: None) -> SimpleNamespace:
    return _visitor("accept")


@pytest.fixture
def ben(db: None) -> SimpleNamespace:
    return _visitor("reject")


@pytest.fixture
def cleo(db: None) -> SimpleNamespace:
    return _visitor("accept", "withdraw")
