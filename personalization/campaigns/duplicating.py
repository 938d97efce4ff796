"""A campaign once more, as a draft with a name of its own."""

from collections.abc import Iterator
from itertools import count

from django.db import IntegrityError, transaction

from personalization.campaigns.campaigning import draft_record
from personalization.campaigns.versions import draft_fill, draft_payload
from personalization.models import Campaign

NAME_LENGTH = 80


def campaign_duplicate(*, campaign: Campaign, by: str) -> Campaign:
    """A draft that says what the campaign's draft says, under a name nobody has."""
    said = draft_payload(campaign)
    for name in _names_free(campaign.name):
        copy = Campaign()
        draft_fill(copy, {**said, "name": name})
        try:
            with transaction.atomic():
                copy.save()
        except IntegrityError:
            continue  # somebody else took the name in the same moment
        draft_record(campaign=copy, before=None, by=by)
        return copy
    raise AssertionError("there is always another name")


def _names_free(name: str) -> Iterator[str]:
    for number in count(1):
        numbered = name_numbered(name, "copy", number)
        if not Campaign.objects.filter(name=numbered).exists():
            yield numbered


def name_numbered(name: str, suffix: str, number: int, length: int = NAME_LENGTH) -> str:
    """A name with its suffix, no longer than it may be.

    >>> name_numbered("Cyclists", "copy", 1), name_numbered("Cyclists", "copy", 2)
    ('Cyclists (copy)', 'Cyclists (copy 2)')
    >>> len(name_numbered("x" * 80, "copy", 12))
    80
    """
    end = f" ({suffix})" if number == 1 else f" ({suffix} {number})"
    return name[: length - len(end)].rstrip() + end
