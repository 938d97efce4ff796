"""Folders for servers of a test's own."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from config import embedded
from tests.cluster import PREFIX


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A new folder with a space in its path that the service user may enter, as root too.

    `tmp_path` will not do: it is closed to everybody else.
    """
    top = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-"))
    top.chmod(0o711)
    folder = top / "data dir"
    yield folder
    if folder.is_dir():
        embedded.stop(folder)
    shutil.rmtree(top)
