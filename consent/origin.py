"""Did this request come from one of our own pages?

The consent forms are used before any cookie exists, so a cookie token cannot protect them and
setting one would itself need consent. Browsers say where a request comes from: `Sec-Fetch-Site`
decides where it is present; older browsers and plain http send `Origin` or `Referer`, whose host
and port must be ours. A request that says nothing is refused.

Boundary: headers in, a yes or no out.
"""

from collections.abc import Collection, Mapping
from urllib.parse import SplitResult, urlsplit

PORTS = {"http": 80, "https": 443}


def request_is_same_origin(headers: Mapping[str, str], *, host: str, secure: bool) -> bool:
    """Whether the headers prove a page of `host` ("name" or "name:port") as the sender.

    >>> request_is_same_origin({"Sec-Fetch-Site": "same-origin"}, host="a.example", secure=True)
    True
    >>> request_is_same_origin({"Sec-Fetch-Site": "same-site"}, host="a.example", secure=True)
    False
    >>> request_is_same_origin({"Origin": "https://a.example:444"}, host="a.example", secure=True)
    False
    """
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    sender = headers.get("Origin") or headers.get("Referer")
    return sender is not None and _is_ours(sender, host, secure)


def request_is_welcome(
    headers: Mapping[str, str], *, host: str, secure: bool, origins: Collection[str]
) -> bool:
    """The same, or a page of one of `origins` ("https://b.example"), which browsers name exactly.

    >>> request_is_welcome({"Origin": "https://b.example", "Sec-Fetch-Site": "same-site"},
    ...                    host="a.example", secure=True, origins={"https://b.example"})
    True
    """
    return headers.get("Origin") in origins or request_is_same_origin(
        headers, host=host, secure=secure
    )


def _is_ours(sender: str, host: str, secure: bool) -> bool:
    try:
        theirs = urlsplit(sender)
        # Behind a TLS-ending proxy that is not declared, we see http where the page was https.
        if theirs.scheme not in (("https",) if secure else PORTS):
            return False
        ours = urlsplit(f"{theirs.scheme}://{host}")
        return _address(theirs) == _address(ours)
    except ValueError:
        return False


def _address(url: SplitResult) -> tuple[str | None, int]:
    return url.hostname, url.port or PORTS[url.scheme]
