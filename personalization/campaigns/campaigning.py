"""The life of a campaign: draft, review, published, paused, archived, and every step between.

Each step is one optimistic update of the row as the caller has read it: whoever comes second is
told what happened meanwhile, and nothing is half done. A step changes what pages show with the
next `services.ruleset_publish`; call it in the same transaction, once for any number of steps.
"""

from collections.abc import Iterable
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from personalization.campaigns.changes import campaign_changes
from personalization.campaigns.content_uses import campaigns_showing
from personalization.campaigns.readiness import publish_problems
from personalization.campaigns.steps import DRAFTED, CampaignStepError, problems_check, step_check
from personalization.campaigns.versions import (
    draft_differs,
    draft_fill,
    draft_payload,
    version_make,
    with_content_now,
)
from personalization.models import (
    Campaign,
    CampaignStep,
    CampaignVersion,
    ExclusionGroup,
    Segment,
    Slot,
    Variant,
)
from personalization.segments.resolving import segments_lock

Status = Campaign.Status
State = CampaignVersion.State
CONTENT = "content of "
SEGMENT = "segment "


def campaign_submit(*, campaign: Campaign, by: str, note: str = "") -> CampaignVersion:
    """Put the draft before a reviewer, as a version of its own: later edits do not reach it."""
    with transaction.atomic():
        is_new = campaign.status == Status.DRAFT
        _move(campaign, "submit", **({"status": Status.REVIEW} if is_new else {}))
        version = _version(campaign, State.REVIEW, by, note)
        _set(campaign, submitted=version)
        _record(campaign, "submitted for review", by, note, version)
    return version


def campaign_publish(*, campaign: Campaign, by: str, note: str = "") -> CampaignVersion:
    """Publish the draft as the next version; one that is paused is on again."""
    with transaction.atomic():
        _move(campaign, "publish", status=Status.PUBLISHED)
        version = _version(campaign, State.PUBLISHED, by, note)
        _put_in_force(campaign, version, by, note, "published")
    return version


def campaign_approve(
    *, campaign: Campaign, version: CampaignVersion, by: str, note: str = ""
) -> CampaignVersion:
    """Publish the version that waits for review, if it is the one the reviewer has seen.

    Returns the version in force: another one if its variant was edited since it was submitted.
    """
    with transaction.atomic():
        _move(campaign, "approve", status=Status.PUBLISHED)
        _check_waiting(campaign, version)
        segments_lock()  # what it uses stays there
        problems = publish_problems(campaign, version.payload) + _missing(version.payload)
        if problems:
            raise CampaignStepError(f"“{campaign}” cannot be published. {' '.join(problems)}")
        payload = with_content_now(version.payload)
        if payload == version.payload:
            _state(version, State.PUBLISHED)
        else:  # its variant was edited since: what is recorded is what pages will show
            _state(version, State.REPLACED)
            version = version_make(campaign, payload, state=State.PUBLISHED, by=by, note=note)
        _put_in_force(campaign, version, by, note, "approved and published")
    return version


def campaign_return(*, campaign: Campaign, version: CampaignVersion, by: str, note: str) -> None:
    """Send back what waits for review, saying why."""
    if not note.strip():
        raise CampaignStepError("Say in the comment what is to be done.")
    with transaction.atomic():
        _back_to_draft(campaign, "return")
        _check_waiting(campaign, version)
        _state(version, State.RETURNED)
        _set(campaign, submitted=None)
        _record(campaign, "sent back", by, note, version, changes=[])


def campaign_withdraw(*, campaign: Campaign, by: str, note: str = "") -> None:
    """Take back what waits for review."""
    with transaction.atomic():
        _back_to_draft(campaign, "withdraw")
        version = campaign.submitted
        if version is not None:
            _state(version, State.WITHDRAWN)
        _set(campaign, submitted=None)
        _record(campaign, "taken back from review", by, note, version, changes=[])


def campaign_pause(*, campaign: Campaign, by: str, note: str = "") -> None:
    """Switch a published campaign off; its published version stays the one to resume."""
    with transaction.atomic():
        _move(campaign, "pause", status=Status.PAUSED)
        _record(campaign, "paused", by, note, campaign.published)


def campaign_resume(*, campaign: Campaign, by: str, note: str = "") -> None:
    """Switch a paused campaign on again."""
    with transaction.atomic():
        if campaign.published is not None:
            problems_check(campaign, campaign.published.payload)
        _move(campaign, "resume", status=Status.PUBLISHED)
        _record(campaign, "resumed", by, note, campaign.published)


def campaign_archive(*, campaign: Campaign, by: str, note: str = "") -> None:
    """Put a campaign away; what waits for review is taken back."""
    with transaction.atomic():
        _move(campaign, "archive", status=Status.ARCHIVED)
        if campaign.submitted is not None:
            _state(campaign.submitted, State.WITHDRAWN)
        if campaign.published is not None:
            _state(campaign.published, State.RETIRED)
        _set(campaign, submitted=None, published=None, live_slot=None, live_variant=None)
        _record(campaign, "archived", by, note)


def campaign_restore(*, campaign: Campaign, by: str, note: str = "") -> None:
    """Take an archived campaign out again, as a draft."""
    with transaction.atomic():
        _move(campaign, "restore", status=Status.DRAFT)
        _record(campaign, "restored as a draft", by, note)


def campaign_rollback(
    *, campaign: Campaign, version: CampaignVersion, by: str, note: str = "", publish: bool = True
) -> CampaignVersion | None:
    """Make the draft say what a version said, and publish it as a new version.

    A draft that was not published is set aside as a version first: nothing is lost. With `publish`
    False only the draft changes. What the variant shows stays as it is now: other campaigns and
    slots may show it too.
    """
    missing = _missing(version.payload)
    if missing:
        raise CampaignStepError(f"Version {version.number} cannot come back. {' '.join(missing)}")
    if publish:
        problems_check(campaign, version.payload)
    with transaction.atomic():
        is_kept = draft_differs(campaign)
        if publish:
            _rolled(campaign)
        else:
            _compare_and_set(campaign)
        if is_kept:
            kept = version_make(campaign, draft_payload(campaign), state=State.KEPT, by=by)
            _record(campaign, "draft set aside", by, "", kept)
        draft_fill(campaign, version.payload)
        campaign.full_clean(exclude=["rule"])
        campaign.save()
        if not publish:
            _record(campaign, f"version {version.number} taken into the draft", by, note, version)
            return None
        made = _version(campaign, State.PUBLISHED, by, note)
        _put_in_force(campaign, made, by, note, f"rolled back to version {version.number}")
    return made


def draft_record(*, campaign: Campaign, before: Any, by: str) -> list[str]:
    """Write down an edit of the draft; returns what changed, in words. `before`: its payload."""
    changes = campaign_changes(before, draft_payload(campaign))
    if before is None or changes:
        action = "made" if before is None else "draft edited"
        _record(campaign, action, by, changes=changes)
    return changes


def content_record(*, variant: Variant, changes: list[str], by: str) -> list[Campaign]:
    """Write an edit of a variant into the history of the campaigns that show it; returns those."""
    showing = campaigns_showing(variant)
    for campaign in showing if changes else ():
        _record(campaign, f"{CONTENT}“{variant}” edited", by, changes=changes)
    return showing


def segment_record(
    *, segment: Segment, campaigns: Iterable[Campaign], changes: list[str], by: str
) -> None:
    """Write an edit of a segment into the history of the campaigns it decides about."""
    for campaign in campaigns:
        _record(campaign, f"{SEGMENT}“{segment}” edited", by, changes=changes)


# --- How a step is taken -------------------------------------------------------------------------


def _move(campaign: Campaign, step_name: str, **changed: Any) -> None:
    """Take a step if the row still is what `campaign` was read from; reads it again."""
    step_check(campaign, step_name)
    _compare_and_set(campaign, **changed)


def _rolled(campaign: Campaign) -> None:
    if campaign.submitted_id is not None:
        raise CampaignStepError(
            f"A version of “{campaign}” waits for review: decide on it before rolling back."
        )
    if campaign.status not in DRAFTED:
        raise CampaignStepError(f"“{campaign}” is archived: restore it first.")
    _compare_and_set(campaign, status=Status.PUBLISHED)


def _compare_and_set(campaign: Campaign, **changed: Any) -> None:
    unchanged = Q(status=campaign.status, revision=campaign.revision)
    moved = Campaign.objects.filter(unchanged, pk=campaign.pk).update(
        revision=F("revision") + 1, updated_at=timezone.now(), **changed
    )
    if not moved:
        raise CampaignStepError(meanwhile(campaign))
    campaign.refresh_from_db()


def meanwhile(campaign: Campaign) -> str:
    """What somebody else did since `campaign` was read, as a sentence with what to do."""
    last = last_step(campaign)
    if last is None:
        return f"“{campaign}” was deleted meanwhile."
    who = last.by or "Somebody"
    return (
        f"“{campaign}” has changed since you opened it ({who}: {last.action}, "
        f"{last.at:%H:%M} UTC). Nothing was done: look at it again."
    )


def last_step(campaign: Campaign) -> CampaignStep | None:
    """What was done last with the campaign itself; content and segments are edited beside it."""
    steps = CampaignStep.objects.filter(campaign=campaign.pk)
    beside = Q(action__startswith=CONTENT) | Q(action__startswith=SEGMENT)
    return steps.exclude(beside).first()


def _back_to_draft(campaign: Campaign, step_name: str) -> None:
    is_new = campaign.status == Status.REVIEW
    _move(campaign, step_name, **({"status": Status.DRAFT} if is_new else {}))


def _check_waiting(campaign: Campaign, version: CampaignVersion) -> None:
    if campaign.submitted_id != version.pk:
        raise CampaignStepError(meanwhile(campaign))


def _version(campaign: Campaign, state: str, by: str, note: str) -> CampaignVersion:
    return version_make(campaign, draft_payload(campaign), state=state, by=by, note=note)


def _put_in_force(
    campaign: Campaign, version: CampaignVersion, by: str, note: str, action: str
) -> None:
    before = campaign.published
    if before is not None:
        _state(before, State.RETIRED)
    _set(
        campaign,
        published=version,
        submitted=None,
        live_slot_id=version.payload["slot"],
        live_variant_id=version.payload["variant"],
    )
    _record(campaign, action, by, note, version, before=before)


def _missing(payload: Any) -> list[str]:
    """What a version names and is there no more."""
    missing = []
    if not Slot.objects.filter(pk=payload["slot"]).exists():
        missing.append(f"Its slot “{payload['slot_name']}” was deleted: make it again.")
    if not Variant.objects.filter(pk=payload["variant"]).exists():
        name = payload["variant_name"]
        missing.append(f"Its variant “{name}” was deleted: choose another in the draft.")
    group = payload.get("frequency", {}).get("group")
    if group and not ExclusionGroup.objects.filter(pk=group).exists():
        name = payload["group_name"]
        missing.append(f"Its exclusion group “{name}” was deleted: choose another in the draft.")
    return missing


def _state(version: CampaignVersion, state: str) -> None:
    version.state = state
    version.save(update_fields=["state"])


def _set(campaign: Campaign, **values: Any) -> None:
    for name, value in values.items():
        setattr(campaign, name, value)
    campaign.save(update_fields=list(values))


def _record(
    campaign: Campaign,
    action: str,
    by: str,
    comment: str = "",
    version: CampaignVersion | None = None,
    *,
    before: CampaignVersion | None = None,
    changes: list[str] | None = None,
) -> None:
    if changes is None and version is not None:
        base = before or campaign.published
        is_other = base is not None and base.pk != version.pk
        was = with_content_now(base.payload) if base is not None and is_other else None
        changes = campaign_changes(was, with_content_now(version.payload))
    CampaignStep.objects.create(
        campaign=campaign, version=version, action=action, by=by, comment=comment,
        changes=changes or [],
    )  # fmt: skip
