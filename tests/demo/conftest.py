"""The demo site, loaded."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import DjangoDbBlocker


@pytest.fixture
def logins_path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "demo-logins.json"


@pytest.fixture(scope="module")
def demo_site(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[None]:
    """Everything `manage.py load_demo` makes, once for the tests of a module."""
    # Late: this file is read before Django is set up when only this folder is run.
    from django.db import transaction

    from demo.loader import demo_load

    with django_db_blocker.unblock(), transaction.atomic():
        demo_load(logins_path=tmp_path_factory.mktemp("demo") / "logins.json")
        yield
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def _no_remembered_navigation() -> Iterator[None]:
    from demo.context_processors import navigation

    navigation.forget()
    yield
    navigation.forget()
