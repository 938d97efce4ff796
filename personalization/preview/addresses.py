"""Which addresses can be previewed: pages of this site, by their path. Pure.

What never gets in: requests, settings, storage.
"""

import re
from urllib.parse import unquote, urljoin, urlsplit

#: Not pages for visitors: the admin and the API.
CLOSED = ("/admin/", "/api/")
MOST = 500
#: Browsers read "/\\host" as "//host".
_OWN = re.compile(r"/(?![/\\])[^\s\\\x00-\x1f\x7f]*")


class AddressError(ValueError):
    """An address that cannot be previewed; says why and what to give."""


def address_check(text: str) -> str:
    """The address of a page of this site: its path and its query. Raises AddressError.

    >>> address_check(" /c/gardening/?type=video#top ")
    '/c/gardening/?type=video'
    """
    address = text.strip().partition("#")[0] or "/"
    if len(address) > MOST:
        raise AddressError(f"The address is too long: use at most {MOST} characters.")
    if not _OWN.fullmatch(address):
        raise AddressError("Give a page of this site by its path, as in /c/gardening/.")
    path = unquote(address.partition("?")[0])
    if not _OWN.fullmatch(path.replace(" ", "")):
        raise AddressError("Give a page of this site by its path, as in /c/gardening/.")
    if f"{urljoin('/', path).lower()}/".startswith(CLOSED):
        raise AddressError("Only pages that visitors see can be previewed.")
    return address


def address_of_link(href: str, *, page: str, host: str) -> str | None:
    """Where a link of a page leads, as an address to preview; None for anywhere else.

    >>> address_of_link("../music/", page="/c/gardening/", host="a.example")
    '/c/music/'
    >>> address_of_link("//b.example/", page="/", host="a.example")
    """
    try:
        parts = urlsplit(urljoin(f"https://{host}{page}", href.strip()))
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or parts.netloc != host:
        return None
    try:
        return address_check(parts.path + (f"?{parts.query}" if parts.query else ""))
    except AddressError:
        return None
