"""Real servers under a data folder: started, reused, recovered, refused with one clear line."""

import os
import shutil
import signal
import stat
import time
from pathlib import Path

import psycopg
import pytest
import redis

from config import embedded
from config.embedded import place, processes


def start(data_dir: Path) -> embedded.Services:
    return embedded.start(data_dir, throw_away=True)


def query(services: embedded.Services, sql: str) -> object:
    """The first value *sql* gives; None for a statement that gives no rows."""
    with psycopg.connect(services.database_url) as connection:
        cursor = connection.execute(sql)
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def kill_hard(*pids: int | None) -> None:
    for pid in pids:
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    assert processes.wait_until(
        lambda: not any(processes.is_alive(pid) for pid in pids if pid), seconds=5
    )


def test_addresses_are_known_before_anything_runs_and_fit_a_socket_path(tmp_path):
    deep = tmp_path / ("a long name with spaces " * 6)
    database_url, redis_url = embedded.urls(deep)
    assert embedded.urls(deep) == (database_url, redis_url)
    assert embedded.urls(tmp_path) != (database_url, redis_url)
    assert len(str(embedded.locate(deep).sockets / ".s.PGSQL.5432.lock")) < 100
    assert not deep.exists()


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("unix:///run/a.sock?db=3", "redis+socket:///run/a.sock?virtual_host=3"),
        ("unix:///run/a.sock", "redis+socket:///run/a.sock?virtual_host=0"),
        ("redis://cache:6379/2", "redis://cache:6379/2"),
    ],
)
def test_celery_names_the_same_broker_its_own_way(given, wanted):
    assert embedded.celery_url(given) == wanted


def test_stock_servers_are_durable_private_and_ours(data_dir):
    services = embedded.start(data_dir)
    for name, value in {"synchronous_commit": "on", "fsync": "on", "listen_addresses": ""}.items():
        assert query(services, f"SELECT current_setting('{name}')") == value
    assert query(services, "SELECT current_user::text || current_database()") == "attuneattune"
    assert query(services, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    persistence = redis.Redis.from_url(services.redis_url).config_get("appendonly")
    assert persistence == {"appendonly": "yes"}
    for folder in (services.place.home, services.place.sockets):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    services.stop()
    assert embedded.status(data_dir) == {"PostgreSQL": None, "Valkey": None}


def test_data_is_kept_from_one_start_to_the_next(data_dir):
    services = embedded.start(data_dir)
    query(services, "CREATE TABLE kept AS SELECT 7 AS n")
    redis.Redis.from_url(services.redis_url).set("kept", "yes")
    services.stop()
    begun = time.monotonic()
    services = embedded.start(data_dir)
    assert time.monotonic() - begun < 2
    assert query(services, "SELECT n FROM kept") == 7
    assert redis.Redis.from_url(services.redis_url).get("kept") == b"yes"
    services.stop()


def test_second_start_reuses_what_runs_and_does_not_stop_it(data_dir):
    first = start(data_dir)
    second = start(data_dir)
    assert second.started == []
    second.stop()
    assert query(first, "SELECT 1") == 1
    first.stop()


def test_killed_servers_come_back_with_their_data(data_dir):
    services = embedded.start(data_dir)
    query(services, "CREATE TABLE kept AS SELECT 7 AS n")
    kill_hard(*embedded.status(data_dir).values())
    assert services.find_dead() in {"PostgreSQL", "Valkey"}
    again = embedded.start(data_dir)
    assert query(again, "SELECT n FROM kept") == 7
    again.stop()


def test_stale_pid_file_naming_somebody_elses_process_is_no_obstacle(data_dir):
    services = start(data_dir)
    folder = services.place.home / "postgres"
    services.stop()
    (folder / "postmaster.pid").write_text(f"{os.getpid()}\n{folder}\n")
    services = start(data_dir)
    assert query(services, "SELECT 1") == 1
    services.stop()


def test_folder_deleted_under_running_servers_gives_a_fresh_start(data_dir):
    first = start(data_dir)
    query(first, "CREATE TABLE kept AS SELECT 7 AS n")
    shutil.rmtree(data_dir)
    second = start(data_dir)
    assert query(second, "SELECT to_regclass('kept')::text") is None
    assert len(second.started) == 2
    second.stop()


def test_servers_whose_starter_vanished_are_taken_over(data_dir):
    first = start(data_dir)
    starter = first.place.home / "starter.json"
    starter.write_text('{"pid": 1, "mark": "another life"}')
    second = start(data_dir)
    assert [one.name for one in second.started] == ["Valkey", "PostgreSQL"]
    second.stop()
    assert embedded.status(data_dir) == {"PostgreSQL": None, "Valkey": None}


def test_two_folders_side_by_side_do_not_meet(data_dir):
    beside = data_dir.with_name("beside")
    one, other = start(data_dir), start(beside)
    query(one, "CREATE TABLE only_here AS SELECT 1")
    assert query(other, "SELECT to_regclass('only_here')::text") is None
    other.stop()
    assert query(one, "SELECT 1") == 1
    one.stop()


def break_version(folder: Path) -> None:
    (folder / "PG_VERSION").write_text("16\n")


def break_shape(folder: Path) -> None:
    (folder / "global" / "pg_control").unlink()


def break_content(folder: Path) -> None:
    (folder / "global" / "pg_control").write_bytes(b"\xff" * 8192)


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (break_version, r"was written by PostgreSQL 16, installed is 18: dump it .* move it away"),
        (break_shape, r"is not a whole PostgreSQL data folder: restore it .* move it away"),
        (break_content, r"did not start on .*: .*\. Repair the folder, or move it away"),
    ],
)
def test_broken_data_folder_gets_one_line_and_leaves_nothing_running(data_dir, damage, line):
    services = start(data_dir)
    services.stop()
    damage(services.place.home / "postgres")
    with pytest.raises(embedded.EmbeddedError, match=line) as caught:
        start(data_dir)
    assert "\n" not in str(caught.value)
    assert str(services.place.home) in str(caught.value)
    assert embedded.status(data_dir) == {"PostgreSQL": None, "Valkey": None}


def test_data_folder_that_is_a_file_gets_one_line(data_dir):
    data_dir.touch()
    with pytest.raises(embedded.EmbeddedError, match=r"Cannot use the data folder .*DATA_DIR\.$"):
        start(data_dir)
    data_dir.unlink()


def test_sockets_in_somebody_elses_folder_are_refused(data_dir):
    if os.geteuid() != 0:
        pytest.skip("needs another user's folder, which only root can make")
    sockets = embedded.locate(data_dir).sockets
    sockets.mkdir(mode=0o777)
    os.chown(sockets, 12345, 12345)
    with pytest.raises(embedded.EmbeddedError, match=f"{sockets} belongs to user 12345"):
        start(data_dir)
    sockets.rmdir()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders its service user cannot enter")
def test_root_folder_closed_to_others_is_settled_outside(data_dir, monkeypatch):
    monkeypatch.setattr(place, "SHARED_ROOT", data_dir.with_name("shared"))
    data_dir.mkdir(mode=0o700)
    services = start(data_dir)
    assert query(services, "SELECT 1") == 1
    services.stop()
    assert (data_dir / "services").resolve() == services.place.home
    assert services.place.home.parent == data_dir.with_name("shared")
    again = start(data_dir)
    assert again.place.home == services.place.home
    again.stop()
