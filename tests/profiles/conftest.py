"""A busy machine is no failure: examples have no deadline."""

import pytest
from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(autouse=True)
def _no_definition_is_remembered() -> None:
    """A version never changes in a database, but every test has a database of its own."""
    from profiles import featuring, selectors

    selectors.definition_get.cache_clear()
    featuring.compiled_of.cache_clear()
