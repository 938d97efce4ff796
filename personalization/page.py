"""What a Django request says to rules, each fact found out when a rule first asks for it.

Nothing is stored: it is as long-lived as the request.
"""

import re
from collections.abc import Collection, Mapping
from functools import cached_property
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language

from personalization.question import Page
from personalization.rules.context import PageRequest
from personalization.rules.countries import COUNTRIES
from tracking import selectors as tracking_selectors
from tracking.pipeline.enrich import CLICK_IDS, medium_of
from tracking.useragent import agent_of, browser_of

MAX_REGION = 64


class HttpPage(PageRequest):
    """The page request of a Django request; what the page is about is told by its view."""

    _request: HttpRequest

    def __init__(
        self,
        request: HttpRequest,
        *,
        page_category: str = "",
        page_type: str = "",
        page_tags: Collection[str] | None = None,
        page_item: str = "",
    ) -> None:
        # A frozen dataclass is filled past its guard.
        self.__dict__.update(
            _request=request,
            path=request.path,
            page_category=page_category,
            page_type=page_type,
            page_tags=page_tags,
            page_item=page_item,
        )

    @cached_property
    def query(self) -> Mapping[str, str]:
        return self._request.GET.dict()

    @cached_property
    def referrer_host(self) -> str:
        return host_of(self._header("Referer"))

    @cached_property
    def medium(self) -> str:
        """How the visitor came to this page, as tracking says it of its page view."""
        said = {name: text for name, text in self.query.items() if name.startswith("utm_")}
        click = next((name for name in CLICK_IDS if name in self.query), None)
        if click is not None:
            said["click_id"] = click
        own = tracking_selectors.hosts_own()
        return medium_of(self.referrer_host, said, own) or "direct"

    @cached_property
    def language(self) -> str:
        return language_preferred(self._header("Accept-Language"))

    @cached_property
    def locale(self) -> str:
        """The language this page is made in."""
        return get_language() or settings.LANGUAGE_CODE

    @cached_property
    def device(self) -> str:
        return agent_of(self._header("User-Agent")).device

    @cached_property
    def bot(self) -> str:
        return "yes" if agent_of(self._header("User-Agent")).is_bot else "no"

    @cached_property
    def browser(self) -> str:
        return browser_of(self._header("User-Agent")).family

    @cached_property
    def browser_version(self) -> str:
        return browser_of(self._header("User-Agent")).version

    @cached_property
    def authenticated(self) -> str:
        """Reads the session, but only of whom has one."""
        if settings.SESSION_COOKIE_NAME not in self._request.COOKIES:
            return "no"
        user = getattr(self._request, "user", None)
        return "yes" if user is not None and user.is_authenticated else "no"

    @cached_property
    def roles(self) -> Collection[str]:
        """What whoever is signed in is to the site: "staff", and their groups by name.

        Reads the session and the groups, but only of whom has a session.
        """
        if self.authenticated == "no":
            return ()
        user = self._request.user
        groups = getattr(user, "groups", None)  # a site's own user model may have none
        names = groups.values_list("name", flat=True) if groups is not None else ()
        return (*(["staff"] if getattr(user, "is_staff", False) else ()), *names)

    @cached_property
    def viewport(self) -> str | None:
        """Told by browsers that a server in front of this one has asked for it (`Accept-CH`)."""
        return viewport_of(self._header("Sec-CH-Viewport-Width"))

    @cached_property
    def country(self) -> str | None:
        """As COUNTRY_HEADER tells it; None for what is no country, as XX or T1."""
        found = self._told(settings.COUNTRY_HEADER).upper()
        return found if found in COUNTRIES else None

    @cached_property
    def region(self) -> str | None:
        return self._told(settings.REGION_HEADER)[:MAX_REGION] or None

    def _told(self, name: str) -> str:
        """What a server in front says of where the request comes from; "" where none does."""
        return self._header(name).strip() if name else ""

    def _header(self, name: str) -> str:
        return self._request.headers.get(name, "")


class ToldPage(HttpPage):
    """A page elsewhere, of which the request tells; the browser is that of the request."""

    def __init__(self, request: HttpRequest, page: Page) -> None:
        super().__init__(request, page_category=page.category, page_item=page.item)
        told = {"path": page.path, "query": page.query, "referrer_host": host_of(page.referrer)}
        more = {"language": page.language, "viewport": page.viewport}
        self.__dict__.update(told | {name: text for name, text in more.items() if text})


def viewport_of(header: str) -> str | None:
    """The class of a width in CSS pixels, one of VIEWPORTS; None for what is no width.

    >>> viewport_of("599"), viewport_of("600"), viewport_of("1024"), viewport_of("x")
    ('narrow', 'medium', 'wide', None)
    """
    if not re.fullmatch("[0-9]{1,6}", header):
        return None
    width = int(header)
    return "narrow" if width < 600 else "medium" if width < 1024 else "wide"


def host_of(url: str) -> str:
    """The host an address names, "" for none.

    >>> host_of("https://news.example:8443/a"), host_of("http://["), host_of("")
    ('news.example', '', '')
    """
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def language_preferred(header: str) -> str:
    """The language that an Accept-Language header prefers, the first of equals; "" for none.

    >>> language_preferred("en;q=0.5, de-AT, de;q=0.9"), language_preferred("*")
    ('de-AT', '')
    """
    best, chosen = 0.0, ""
    for part in header[:500].split(","):
        tag, _, quality = part.partition(";")
        weight = _quality(quality)
        if weight > best and tag.strip() not in {"", "*"}:
            best, chosen = weight, tag.strip()
    return chosen


def _quality(text: str) -> float:
    value = text.strip().removeprefix("q=")
    try:
        return min(float(value), 1.0) if value else 1.0
    except ValueError:
        return 0.0
