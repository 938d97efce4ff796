"""What became of the draft on a previewed page, in a sentence. Pure.

Two campaigns may show the same variant: from the page alone nobody sees which of them it was.
"""

from collections.abc import Mapping

from personalization.decide import Considered, Decision


def draft_verdict(decisions: Mapping[str, Decision | None], campaign: int) -> str:
    """What a slot's decisions, by the words for their device, say of the draft of a campaign's id.

    Once for all devices where it is the same; "" where the page does not have the slot.
    """
    said = {device: _said(decision, campaign) for device, decision in decisions.items()}
    if len(set(said.values())) == 1:
        return next(iter(said.values()))
    return " ".join(f"{device}: {words}" for device, words in said.items() if words)


def _said(decision: Decision | None, campaign: int) -> str:
    tried = decision.considered if decision else []
    draft = next((one for one in tried if one.campaign.id == campaign), None)
    if decision is None:
        return ""
    if draft is None:
        return "The draft is not shown: who has not agreed to personalization gets the default."
    if decision.campaign is draft.campaign:
        return "The draft is shown."
    if not draft.is_on:
        return "The draft is not on at this time."
    return f"The draft is not shown: {_why_not(draft, decision)}"


def _why_not(draft: Considered, decision: Decision) -> str:
    if draft.answer is None:
        return "whether its rule matches is not known of this visitor."
    if not draft.answer:
        return "its rule does not match this visitor."
    first = decision.campaign
    if draft.note or first is None:
        return f"its rule matches. {draft.note}".rstrip()
    return f"its rule matches, but “{first.name}” comes first, with priority {first.priority}."
