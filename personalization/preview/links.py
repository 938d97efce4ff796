"""A page's HTML with its links kept inside the preview. Pure.

Links to pages of the site lead to their preview, all others nowhere, and nothing is fetched ahead;
the rest of the page stays as it is, byte for byte. What never gets in: requests, settings, storage.
"""

from collections.abc import Callable
from html import escape
from html.parser import HTMLParser

LINKS = ("a", "area")
#: Attributes of a link that would act elsewhere.
ACTING = ("href", "xlink:href", "target", "ping", "download")
#: What a browser would fetch as its own visitor before anybody asks.
AHEAD = {"prefetch", "prerender"}


def links_keep(html: str, preview_of: Callable[[str], str | None]) -> str:
    """Put into every link what `preview_of` makes of its address; None leaves it inert.

    >>> print(links_keep('<a class="b" href="/x?a=1&amp;b" target="y">1 < 2</a>', "/p".__add__))
    <a class="b" href="/p/x?a=1&amp;b" target="_top">1 < 2</a>
    """
    parser = _Links(html, preview_of)
    parser.feed(html)
    parser.close()
    return parser.result()


class _Links(HTMLParser):
    def __init__(self, html: str, preview_of: Callable[[str], str | None]) -> None:
        super().__init__(convert_charrefs=False)
        self._html, self._preview_of = html, preview_of
        self._lines = [0]
        for line in html.split("\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)
        self._kept: list[str] = []
        self._done = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "link" and AHEAD & set((given.get("rel") or "").lower().split()):
            self._replace("")
        href = given.get("href", given.get("xlink:href"))
        if tag in LINKS and href is not None and not href.startswith("#"):
            self._replace(self._link(tag, href, attrs))

    def _link(self, tag: str, href: str, attrs: list[tuple[str, str | None]]) -> str:
        kept = [(name, value) for name, value in attrs if name not in ACTING]
        preview = self._preview_of(href)
        if preview is None:
            kept.append(("title", f"Not followed in the preview: {href}"))
        else:
            kept += [("href", preview), ("target", "_top")]
        written = "".join(
            f" {name}" if value is None else f' {name}="{escape(value)}"' for name, value in kept
        )
        return f"<{tag}{written}>"

    def _replace(self, text: str) -> None:
        """Put this in the place of the tag that is being read."""
        line, column = self.getpos()
        start = self._lines[line - 1] + column
        self._kept += [self._html[self._done : start], text]
        self._done = start + len(self.get_starttag_text() or "")

    def result(self) -> str:
        return "".join([*self._kept, self._html[self._done :]])
