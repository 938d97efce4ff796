"""What tests of retention start from."""

from typing import Any

import pytest


@pytest.fixture(scope="module")
def no_old_months(django_db_setup: None, django_db_blocker: Any) -> None:
    """Emptying tables leaves months that other modules made, which retention would find old."""
    from django.db import connection

    from tests.tracking.tables import months_drop

    with django_db_blocker.unblock():
        months_drop()
        connection.close()
