"""The database under a browser test is the one under every other test."""

import pytest
from django.db import connection, connections

before: list[object] = []


@pytest.mark.django_db
def test_a_before_any_browser():
    before.append(connections["default"])


@pytest.mark.browser
def test_b_browser_test_keeps_the_connection_of_its_process(browser_page):
    assert not before or connections["default"] is before[0]
    assert connection.settings_dict["NAME"].startswith("test_")
    assert "Chrom" in browser_page.evaluate("navigator.userAgent")
