"""The steps of a campaign's life: what may follow from what, and who may do it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError

from personalization.campaigns.readiness import publish_problems
from personalization.campaigns.versions import draft_differs, draft_payload
from personalization.models import Campaign
from personalization.segments.resolving import segments_lock

Status = Campaign.Status

DRAFTED = (Status.DRAFT, Status.PUBLISHED, Status.PAUSED)
WAITING = (Status.REVIEW, Status.PUBLISHED, Status.PAUSED)
NOT_ARCHIVED = (*DRAFTED, Status.REVIEW)

MAY_CHANGE = "personalization.change_campaign"
MAY_PUBLISH = "personalization.publish_campaign"


class CampaignStepError(ValidationError):
    """A step that cannot be taken; the message says why, and what to do."""


@dataclass(frozen=True)
class Step:
    """A step somebody may take. `waits`: whether a version must wait for review, or must not."""

    name: str
    label: str
    explained: str
    permission: str
    allowed: tuple[str, ...]
    waits: bool | None = None
    needs_draft: bool = False


STEPS: tuple[Step, ...] = (
    Step(
        "publish", "Publish", "Pages follow the draft at once, within its schedule.",
        MAY_PUBLISH, DRAFTED, waits=False, needs_draft=True,
    ),
    Step(
        "submit", "Submit for review", "Somebody who may publish sees what changes, and decides.",
        MAY_CHANGE, DRAFTED, waits=False, needs_draft=True,
    ),
    Step(
        "approve", "Approve and publish", "Pages follow what was submitted at once.",
        MAY_PUBLISH, WAITING, waits=True,
    ),
    Step(
        "return", "Send back", "It is a draft again, with your comment.",
        MAY_PUBLISH, WAITING, waits=True,
    ),
    Step(
        "withdraw", "Take back from review", "It is a draft again; nothing is lost.",
        MAY_CHANGE, WAITING, waits=True,
    ),
    Step(
        "pause", "Pause", "Pages show it no longer, until it is resumed.",
        MAY_PUBLISH, (Status.PUBLISHED,),
    ),
    Step(
        "resume", "Resume", "Pages follow the published version again, within its schedule.",
        MAY_PUBLISH, (Status.PAUSED,),
    ),
    Step(
        "archive", "Archive", "Pages show it no longer. It can be restored as a draft.",
        MAY_PUBLISH, NOT_ARCHIVED,
    ),
    Step(
        "restore", "Restore as draft", "It can be edited and published again.",
        MAY_CHANGE, (Status.ARCHIVED,),
    ),
)  # fmt: skip
BY_NAME = {step.name: step for step in STEPS}


def steps_possible(campaign: Campaign) -> list[Step]:
    """The steps that could follow now, whoever asks."""
    differs = draft_differs(campaign)
    return [
        step
        for step in STEPS
        if campaign.status in step.allowed
        and (step.waits is None or step.waits == (campaign.submitted_id is not None))
        and (differs or not step.needs_draft)
    ]


def step_check(campaign: Campaign, name: str) -> None:
    """Raise CampaignStepError, with what to do, unless a step could follow now."""
    step = BY_NAME[name]
    if campaign.status not in step.allowed:
        raise CampaignStepError(
            f"“{step.label}” does not go with the status of “{campaign}”: "
            f"{campaign.get_status_display().lower()}."
        )
    if step.waits is False and campaign.submitted_id is not None:
        raise CampaignStepError(
            f"A version of “{campaign}” waits for review: approve it, send it back or take it "
            "back first."
        )
    if step.waits and campaign.submitted_id is None:
        raise CampaignStepError(f"No version of “{campaign}” waits for review any more.")
    if step.needs_draft:
        if not draft_differs(campaign):
            raise CampaignStepError(f"The draft of “{campaign}” says what is published already.")
        problems_check(campaign, draft_payload(campaign))


def problems_check(campaign: Campaign, payload: Mapping[str, Any]) -> None:
    """Raise CampaignStepError, with what to do, unless pages could follow a version.

    What it uses stays there until the transaction ends.
    """
    segments_lock()
    problems = publish_problems(campaign, payload)
    if problems:
        raise CampaignStepError(f"“{campaign}” cannot be published. {' '.join(problems)}")
