"""Refusing to start on a database that does not fit the settings."""

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, OperationalError


def check_database() -> None:
    """Raise ImproperlyConfigured with one line when Django's database checks find an error.

    A database that is away is not judged: whoever starts without it waits for it.
    """
    try:
        found = checks.run_checks(tags=[checks.Tags.database], databases=[DEFAULT_DB_ALIAS])
    except OperationalError:
        return
    if errors := [str(message.msg) for message in found if message.is_serious()]:
        raise ImproperlyConfigured(" ".join(errors))
