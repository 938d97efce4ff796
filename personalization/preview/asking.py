"""What a preview is asked for: as whom, which page, at what time; and what is wrong with that."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlencode

from django.utils import timezone

from personalization.campaigns.zones import LocalTimeError, instant_from_local, is_zone
from personalization.preview.addresses import AddressError, address_check
from personalization.preview.subjects import EVERYONE

NO_TIME = "Give a date and a time, or leave it empty for now."


@dataclass(frozen=True)
class Asked:
    """`moment` is a local time on the clocks of `zone` as a browser types it, "" for now; `now` is
    the moment it is. `errors` say by field what cannot be used; then its default stands."""

    subject: str
    address: str
    moment: str
    zone: str
    now: datetime
    errors: Mapping[str, str] = field(default_factory=dict)

    def query(self, address: str | None = None) -> str:
        """The same preview, or that of another page, as a query."""
        asked = {"as": self.subject, "at": address or self.address}
        if self.moment:
            asked |= {"moment": self.moment, "zone": self.zone}
        return urlencode(asked)


def asked_from(given: Mapping[str, str], *, address: str, zone: str) -> Asked:
    """What a query asks for; `address` and `zone` stand where it says nothing."""
    errors: dict[str, str] = {}
    try:
        address = address_check(given.get("at") or address)
    except AddressError as error:
        errors["at"] = str(error)
    zone, named = given.get("zone") or zone, zone
    if not is_zone(zone):
        errors["zone"], zone = "There is no such time zone: choose one of the list.", named
    moment, now = given.get("moment", "").strip(), timezone.now()
    if moment:
        try:
            now = _instant(moment, zone)
        except ValueError as error:
            errors["moment"], moment = str(error), ""
    return Asked(given.get("as") or EVERYONE, address, moment, zone, now, errors)


def _instant(moment: str, zone: str) -> datetime:
    try:
        local = datetime.fromisoformat(moment)
    except ValueError:
        raise ValueError(NO_TIME) from None
    if local.tzinfo is not None or not 1971 <= local.year <= 2999:
        raise ValueError(NO_TIME)
    try:
        return instant_from_local(local, zone).astimezone(UTC)
    except LocalTimeError as error:
        raise ValueError(str(error)) from None
