"""docs/consent.md names what the code has."""

from pathlib import Path

import pytest
from django.apps import apps

from consent.logic import Control
from consent.views import CONTROLS, REFUSALS

DOCS = Path(__file__).parents[2].joinpath("docs", "consent.md").read_text()


@pytest.mark.parametrize(
    "name",
    [
        *Control,
        *CONTROLS,
        *REFUSALS,
        *(model.__name__ for model in apps.get_app_config("consent").get_models()),
    ],
)
def test_docs_name_every_control_choice_refusal_and_table(name):
    assert name in DOCS
