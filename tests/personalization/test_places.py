"""Conditions that nothing can answer for a campaign yet: in the language, and on no page."""

import doctest
from typing import Any

import pytest
from django.test import Client

from personalization.campaigns import campaigning
from personalization.campaigns.steps import CampaignStepError
from personalization.models import Campaign
from personalization.rule_form.offers import kinds_by_group
from personalization.rule_form.rows import Names, Row, box_from_tree
from personalization.rules import browser, nodes
from personalization.rules.conditions import CONDITIONS
from personalization.rules.tree import rule_parse
from tests.personalization.admin_site import Site
from tests.personalization.examples import context, increment

CHURN = {"condition": "prediction", "model": "churn", "operator": ">=", "value": 60}
IN_VARIANT = {"condition": "experiment", "experiment": "hero {test}", "variant": "b"}
SCROLLED = {"condition": "scroll_depth", "operator": ">=", "value": 50}
PHONE = {"condition": "device", "value": "phone"}


def test_the_examples_of_the_docstrings_run() -> None:
    for module in (browser, nodes):
        found = doctest.testmod(module)
        assert found.attempted
        assert not found.failed


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("leaf", "why"),
    [
        (CHURN, "There is no model named “churn”"),
        (IN_VARIANT, "There is no experiment named “hero {test}”"),
        (SCROLLED, "“scrolled at least 50 % of the page” only the open page knows"),
    ],
)
def test_a_campaign_with_one_is_refused_by_name(site: Site, leaf: dict[str, Any], why: str) -> None:
    rule = {"all": [PHONE, {"not": leaf}]}
    draft = Campaign.objects.create(name="New", slot=site.slot, variant=site.variant, rule=rule)
    for step in (campaigning.campaign_publish, campaigning.campaign_submit):
        with pytest.raises(CampaignStepError, match=why.replace("{", r"\{")):
            step(campaign=draft, by="mara")
    draft.refresh_from_db()
    assert draft.status == Campaign.Status.DRAFT


def test_the_form_does_not_offer_them_and_opens_a_rule_that_has_one() -> None:
    offered = {kind for _, kinds in kinds_by_group() for kind, _ in kinds}
    assert offered == {each.kind for each in CONDITIONS if not each.awaits}
    assert not offered & {"prediction", "cluster", "experiment", "scroll_depth", "given_text"}
    row = box_from_tree({"all": [SCROLLED]}, Names()).members[0]
    assert isinstance(row, Row)
    assert (row.kind, row.is_offered) == ("scroll_depth", False)


@pytest.mark.django_db
def test_the_form_keeps_one_that_is_there(site: Site, marketer: Client) -> None:
    rule = {"all": [PHONE, SCROLLED]}
    draft = Campaign.objects.create(name="New", slot=site.slot, variant=site.variant, rule=rule)
    shown = marketer.get(f"/admin/personalization/campaign/{draft.pk}/change/").content.decode()
    assert '<option value="scroll_depth" selected data-gone>' in shown
    assert shown.count('value="scroll_depth"') == 1, "and offers it to no other row"
    assert "scrolled at least 50 % of the page" in shown


def test_they_are_unknown_on_a_server() -> None:
    for leaf in (CHURN, IN_VARIANT, SCROLLED):
        assert rule_parse(leaf).test(context(increment())) is None
        assert rule_parse({"not": leaf}).test(context(increment())) is None
