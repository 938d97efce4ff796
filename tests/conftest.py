"""The ground under every test: real services, a clean Redis, a browser and workers on demand."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import django
import pytest
import redis
from hypothesis import HealthCheck, settings

from tests.cluster import Cluster, with_redis_database

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page
    from pytest_django import DjangoDbBlocker

    from tests.celery_process import CeleryProcess

# A busy machine is no failure: examples have no deadline, and take as long to make as they take.
# Examples that share a fixture make what they ask about new.
settings.register_profile(
    "attune",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("attune")

CLUSTER = pytest.StashKey[Cluster]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Settle where the services are before the settings are read, then set Django up."""
    worker = getattr(config, "workerinput", {}).get("workerid")
    if worker is None:
        _prepare_environment(config)
        if config.getoption("dist", "no") != "no":
            # Workers inherit this environment, and with a settings module in it pytest-django
            # would read the settings there before the line below names the worker's database.
            os.environ.pop("DJANGO_SETTINGS_MODULE", None)
            return
    else:
        number = 1 + int(worker.removeprefix("gw"))
        os.environ["REDIS_URL"] = with_redis_database(os.environ["REDIS_URL"], number)
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()


def _prepare_environment(config: pytest.Config) -> None:
    """What the whole run, its workers and their processes share."""
    os.environ["ENV_FILE"] = os.devnull
    os.environ.setdefault("SECRET_KEY", "the tests' key, which guards nothing at all")
    # Playwright's event loop runs in the thread that also asks the database.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        cluster = config.stash[CLUSTER] = Cluster()
        os.environ.setdefault("DATABASE_URL", cluster.services.database_url)
        os.environ.setdefault("REDIS_URL", cluster.services.redis_url)
        os.environ["DATA_DIR"] = str(cluster.folder)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    cluster = config.stash.get(CLUSTER, None)
    if cluster is not None:
        cluster.stop()


# --- Clean for every test ---------------------------------------------------------------------


@pytest.fixture(scope="session")
def redis_server() -> redis.Redis:
    """The tests' Redis database."""
    return redis.Redis.from_url(os.environ["REDIS_URL"])


@pytest.fixture(autouse=True)
def _empty_redis(redis_server: redis.Redis) -> None:
    redis_server.flushdb()


@pytest.fixture(autouse=True)
def _no_definition_is_remembered() -> None:
    """A version never changes in a database, but every test has a database of its own."""
    from profiles import featuring, selectors

    selectors.definition_get.cache_clear()
    featuring.compiled_of.cache_clear()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Tests that commit begin and end with the rows that migrations made."""
    from django.test import TransactionTestCase

    from tests.pristine import database_keep, database_restore

    with django_db_blocker.unblock():
        database_keep()
    TransactionTestCase._fixture_setup = classmethod(  # type: ignore[attr-defined]
        lambda cls: None
    )
    TransactionTestCase._fixture_teardown = (  # type: ignore[attr-defined]
        lambda self: database_restore()
    )


# --- A real browser ---------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chromium(django_db_setup: None) -> Iterator[Browser]:
    """One Chromium for all browser tests of this process."""
    from django.db import connections
    from playwright.sync_api import sync_playwright

    from tests.browser import FLAGS, find_chromium

    program = find_chromium()
    connection = connections["default"]
    with sync_playwright() as playwright:
        # Playwright leaves an event loop running in this thread, and Django keeps connections
        # per context there, not per thread: without this, every test from here on would work
        # on another connection than the one that made the test database.
        connections["default"] = connection
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def browser_context(chromium: Browser, live_server: object) -> Iterator[BrowserContext]:
    """A fresh profile: no cookie, no storage. Paths are relative to the live server."""
    context = chromium.new_context(base_url=str(live_server))
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def browser_page(browser_context: BrowserContext) -> Page:
    """One page in a fresh profile."""
    return browser_context.new_page()


# --- Real workers -----------------------------------------------------------------------------

StartCelery = Callable[..., "CeleryProcess"]


@pytest.fixture
def start_celery(
    transactional_db: None, _empty_redis: None, tmp_path: Path
) -> Iterator[StartCelery]:
    """`start_celery(kind, *options)`: a Celery process that sees this test's data."""
    from tests.celery_process import CeleryProcess

    running: list[CeleryProcess] = []

    def start(kind: str, *options: str) -> CeleryProcess:
        log_path = tmp_path / f"{kind}-{len(running)}.log"
        running.append(CeleryProcess(kind, *options, log_path=log_path))
        return running[-1]

    yield start
    for process in reversed(running):
        process.stop()


@pytest.fixture
def celery_worker_process(start_celery: StartCelery) -> CeleryProcess:
    """A worker with two processes, ready for tasks."""
    return start_celery("worker", "--concurrency", "2", "--without-gossip", "--without-mingle")


@pytest.fixture
def celery_beat_process(start_celery: StartCelery, tmp_path: Path) -> CeleryProcess:
    """The schedule, sending what is due. Runs nothing itself: ask for a worker too."""
    return start_celery("beat", "--pidfile=", "--schedule", str(tmp_path / "schedule"))
