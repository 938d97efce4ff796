"""Pooled connections over restarts of a real PostgreSQL: found dead before anybody uses them."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.db import OperationalError, connections

from config import embedded
from config.database import base
from config.database.base import DatabaseWrapper, has_something_to_read, is_alive
from tests.waiting import wait_until

if TYPE_CHECKING:
    from pytest_django import DjangoDbBlocker

ALIAS = "pooled"


def wrapper_make(server: embedded.Services | None = None) -> DatabaseWrapper:
    """What Django makes for one thread, of the product's settings; all share one pool."""
    given = copy.deepcopy(connections["default"].settings_dict)
    given["OPTIONS"]["pool"]["timeout"] = 5.0
    if server is not None:
        url = urlsplit(server.database_url)
        host = dict(parse_qsl(url.query))["host"]
        given |= {"NAME": url.path.lstrip("/"), "USER": url.username, "HOST": host, "PORT": ""}
    return DatabaseWrapper(given, ALIAS)


@pytest.fixture(autouse=True)
def _pool(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """No test database is needed: only connections are looked at."""
    with django_db_blocker.unblock():
        yield
        wrapper_make().close_pool()


def ask(database: DatabaseWrapper) -> int:
    """The number of the server process that answers."""
    with database.cursor() as cursor:
        return int(cursor.execute("SELECT pg_backend_pid()").fetchone()[0])


def ask_all(databases: list[DatabaseWrapper]) -> set[int]:
    """As many connections at once, each back in the pool afterwards."""
    pids = {ask(each) for each in databases}
    for each in databases:
        each.close()
    assert len(pids) == len(databases)
    return pids


def test_a_restart_of_postgresql_costs_nobody_an_error(data_dir: Path) -> None:
    server = embedded.start(data_dir, with_valkey=False, throw_away=True)
    databases = [wrapper_make(server) for _ in range(4)]
    before = ask_all(databases)
    server.stop()
    server = embedded.start(data_dir, with_valkey=False, throw_away=True)
    assert not ask_all(databases) & before
    server.stop()
    began = time.monotonic()
    with pytest.raises(OperationalError):  # as long as it is away: within the pool's patience
        ask(databases[0])
    assert time.monotonic() - began < 8


def test_connections_that_the_server_ended_are_replaced() -> None:
    databases = [wrapper_make() for _ in range(4)]
    ended = ask(databases[0])
    with databases[1].cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [ended])
    wait_until(lambda: has_something_to_read(databases[0].connection))
    databases[0].close()
    assert ended not in ask_all(databases)


def test_news_of_the_server_are_not_its_end() -> None:
    """A connection may be told of something, unasked: here by NOTIFY."""
    listener, speaker = wrapper_make(), wrapper_make()
    with listener.cursor() as cursor, speaker.cursor() as other:
        cursor.execute("LISTEN news")
        other.execute("NOTIFY news")
    connection = listener.connection
    wait_until(lambda: has_something_to_read(connection))
    assert is_alive(connection, now=time.monotonic())
    assert not has_something_to_read(connection)
    listener.close()
    speaker.close()


def test_a_connection_is_asked_on_the_wire_now_and_then(tmp_path: Path) -> None:
    """What no kernel tells: a connection that a firewall forgot."""
    database, sent = wrapper_make(), tmp_path / "sent"
    ask(database)
    connection: Any = database.connection
    now = time.monotonic()
    with open(sent, "w") as file:
        connection.pgconn.trace(file.fileno())
        assert is_alive(connection, now=now + base.ASK_AFTER / 2)
        assert not sent.read_text()
        assert is_alive(connection, now=now + base.ASK_AFTER)
        connection.pgconn.untrace()
    assert "Query" in sent.read_text()
    connection.close()
    assert not is_alive(connection, now=now)
    database.close()
