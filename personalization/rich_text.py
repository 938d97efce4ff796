"""Words with some form: a marketer's Markdown as HTML that can do nothing but look like something.

HTML in the source stays text. What Markdown makes of the rest is cleaned by nh3: a few tags, the
address of a link, the name and description of a picture. A picture is a file of the site
(static/demo/), never an address. What never gets in: requests, storage, settings.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt

TAGS = frozenset({"p", "br", "strong", "em", "a", "ul", "ol", "li", "img"})
#: "*" is empty on purpose: nh3 would let titles and languages through.
ATTRIBUTES: dict[str, set[str]] = {"*": set(), "a": {"href"}, "img": {"src", "alt"}}
#: Tags that go together with what is in them.
EMPTIED = frozenset({"script", "style", "svg", "math", "iframe", "object", "template", "noscript"})
_LINK = re.compile(r"(/(?![/\\])|https://|mailto:)[^\s\\\x00-\x1f]*\Z", re.IGNORECASE)
_PICTURE = re.compile(r"(?!.*\.\.)\w[\w./-]*\.(?:svg|png|jpe?g|webp)\Z", re.ASCII)

_markdown = MarkdownIt("zero", {"html": False}).enable(
    ["emphasis", "link", "list", "image", "newline", "escape", "entity"]
)


@lru_cache(maxsize=256)
def rich_render(source: str) -> str:
    """Markdown as clean HTML, with pictures by their name.

    >>> rich_render("**Dig** in: [beds](/c/gardening/) <script>alert(1)</script>")
    '<p><strong>Dig</strong> in: <a href="/c/gardening/" rel="noopener noreferrer">beds</a> \
&lt;script&gt;alert(1)&lt;/script&gt;</p>'
    >>> rich_render("[x](javascript:alert(1)) ![y](https://evil.example/a.png)")
    '<p>[x](javascript:alert(1)) <img alt="y"></p>'
    """
    return rich_clean(_markdown.render(source).strip()) if source.strip() else ""


def rich_clean(html: str, picture_url: Callable[[str], str] | None = None) -> str:
    """HTML without anything that is not allowed here; `picture_url` gives a picture's address."""

    def attribute(tag: str, name: str, value: str) -> str | None:
        if name == "href":
            return value if _LINK.match(value) else None
        if name == "src":
            if not _PICTURE.match(value):
                return None
            return (picture_url(value) or None) if picture_url else value
        return value

    return nh3.clean(
        html,
        tags=set(TAGS),
        clean_content_tags=set(EMPTIED),
        attributes=ATTRIBUTES,
        attribute_filter=attribute,
        url_schemes={"https", "mailto"},
    )


def pictures_named(source: str) -> list[str]:
    """The pictures a Markdown source asks for, in order.

    >>> pictures_named("![A bed](gardening-hero.svg) and ![](gone.png)")
    ['gardening-hero.svg', 'gone.png']
    """
    return [
        str(child.attrs.get("src", ""))
        for token in _markdown.parse(source)
        for child in token.children or ()
        if child.type == "image"
    ]


def links_refused(source: str) -> list[str]:
    """The addresses of links that would be taken out: no page of this site, no https, no mailto.

    >>> links_refused("[a](/ok/) [b](http://plain.example/) [c](//evil.example)")
    ['http://plain.example/', '//evil.example']
    """
    return [
        address
        for token in _markdown.parse(source)
        for child in token.children or ()
        if child.type == "link_open"
        and not _LINK.match(address := str(child.attrs.get("href", "")))
    ]
