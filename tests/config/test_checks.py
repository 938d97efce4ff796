"""A database made with another number of shards is refused, wherever the start is."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.checks import check_database
from tests.celery_process import celery_environment

ROOT = Path(__file__).resolve().parents[2]
LINE = "SHARDS=8, but this database was made with 16, which cannot be changed: set SHARDS=16."


@pytest.mark.django_db
@pytest.mark.parametrize("number", [8, 15, 17])
def test_another_number_of_shards_is_refused_before_there_is_an_event(
    settings: Any, number: int
) -> None:
    check_database()
    settings.SHARDS = number
    with pytest.raises(ImproperlyConfigured, match=rf"^SHARDS={number}, .* set SHARDS=16\.$"):
        check_database()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "command",
    [
        ["-m", "celery", "-A", "config", "worker", "--concurrency", "1"],
        ["-c", "import config.wsgi"],
        ["manage.py", "import_events", "--mapping", "deskdrop", "none.csv"],
    ],
    ids=["worker", "web", "import"],
)
def test_a_program_with_another_number_ends_at_once(command: list[str]) -> None:
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**celery_environment(), "SHARDS": "8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode != 0
    assert LINE in ended.stderr
