"""A page's HTML with its links kept inside the preview. Pure.

Links to pages of the site lead to their preview, all others nowhere; the rest of the page stays as
it is, byte for byte. What never gets in: requests, settings, storage.
"""

from collections.abc import Callable
from html import escape
from html.parser import HTMLParser

LINKS = ("a", "area")
#: Attributes of a link that would act elsewhere.
ACTING = ("href", "target", "ping", "download")


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
        href = given.get("href")
        text = self.get_starttag_text()
        if tag not in LINKS or href is None or text is None or href.startswith("#"):
            return
        line, column = self.getpos()
        start = self._lines[line - 1] + column
        others = [(name, value) for name, value in attrs if name not in ACTING]
        preview = self._preview_of(href)
        if preview is None:
            others.append(("title", f"Not followed in the preview: {href}"))
        else:
            others += [("href", preview), ("target", "_top")]
        written = "".join(
            f" {name}" if value is None else f' {name}="{escape(value)}"' for name, value in others
        )
        self._kept += [self._html[self._done : start], f"<{tag}{written}>"]
        self._done = start + len(text)

    def result(self) -> str:
        return "".join([*self._kept, self._html[self._done :]])
