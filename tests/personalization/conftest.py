"""A small site and people in its admin. Imports wait for the fixtures: Django is set up by then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from django.test import Client

    from tests.personalization.admin_site import Site


@pytest.fixture
def site(db: None) -> Site:
    from tests.personalization.admin_site import Site

    return Site()


@pytest.fixture
def marketer(db: None) -> Client:
    """Mara, of the group Marketer."""
    from tests.personalization.admin_site import client_of

    return client_of("mara", group=True)


@pytest.fixture
def editor(db: None) -> Client:
    """Edo, of the group Editor: drafts and submits, publishes nothing."""
    from tests.personalization.admin_site import client_of

    return client_of("edo", editor=True)


@pytest.fixture
def superuser(db: None) -> Client:
    from tests.personalization.admin_site import client_of

    return client_of("root", superuser=True)


@pytest.fixture
def few_shards(settings: Any) -> None:
    """Fewer rounds of work, for tests that go through every shard."""
    settings.SHARDS = 2
