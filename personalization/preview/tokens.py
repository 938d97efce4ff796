"""What the frame of a preview is asked by: signed, for one person and session, for minutes."""

from dataclasses import asdict, dataclass
from typing import Any

from django.core import signing

SALT = "personalization.preview"
#: Seconds that a frame's address can be used.
LIFE = 10 * 60


class TokenError(ValueError):
    """A frame that is not to be shown; says what to do."""


@dataclass(frozen=True)
class FrameAsk:
    """What one frame shows. `moment` is on the clocks of `zone`, "" for now."""

    draft: str
    subject: str
    address: str
    moment: str
    zone: str
    device: str


def token_make(ask: FrameAsk, *, owner: str) -> str:
    """A token for a frame of the page that `owner` (draft.owner_of) looks at."""
    return signing.dumps({"owner": owner, **asdict(ask)}, salt=SALT, compress=True)


def token_read(token: str, *, owner: str) -> FrameAsk:
    """What a token asks for. Raises TokenError: made up, expired, or of somebody else."""
    try:
        said: dict[str, Any] = signing.loads(token, salt=SALT, max_age=LIFE)
    except signing.SignatureExpired:
        raise TokenError("This preview has expired. Load the page around it again.") from None
    except signing.BadSignature:
        raise TokenError("This is no address of a preview.") from None
    if said.pop("owner") != owner:
        raise TokenError("This preview belongs to somebody else: open your own.")
    return FrameAsk(**said)
