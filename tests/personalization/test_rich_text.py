"""Words with form: what a marketer writes looks like something and can do nothing."""

import re

import pytest
from django.template import Context, Template
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from personalization.models import Variant
from personalization.pictures import rich_show
from personalization.rich_text import rich_clean, rich_render
from personalization.services import ruleset_payload
from tests.personalization.admin_site import Site

ABUSE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox(1))",
    "[x](//evil.example/)",
    "[x](/\\evil.example/)",
    "![x](javascript:alert(1))",
    "![x](https://evil.example/pixel.gif)",
    "![x](//evil.example/a.png)",
    "![x](../../secrets.png)",
    '![x](a.png" onerror="alert(1))',
    '[x](/ "onmouseover=alert(1) x=")',
    "<svg onload=alert(1)>",
    "<style>*{background:url(//evil.example)}</style>",
    '<p style="position:fixed">x</p>',
    "<iframe src=//evil.example></iframe>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img onerror=1&gt;'>",
    "<form action=/admin/logout/><button>x</button></form>",
    "{{7*7}} {% load x %} ${7*7} __class__",
    "**a" * 2000,
    "[" * 2000 + "](" * 2000,
    "![" * 2000,
    "- " * 1500 + "x",
]
TAG = re.compile(r"<(/?)([a-z]+)((?: [a-z]+=\"[^\"<>]*\")*)>")
ADDRESS = re.compile(r'(?:href|src)="([^"]*)"')


def addresses(html: str) -> list[str]:
    return [found for piece in re.findall(r"<[^>]*>", html) for found in ADDRESS.findall(piece)]


def assert_inert(html: str) -> None:
    """Only known tags, only href, src, alt and rel, and only addresses of this site and https."""
    for piece in re.findall(r"<[^>]*>", html):
        match = TAG.fullmatch(piece)
        assert match, piece
        assert match[2] in {"p", "br", "strong", "em", "a", "ul", "ol", "li", "img"}
        names = re.findall(r' ([a-z]+)="', match[3])
        assert set(names) <= {"href", "src", "alt", "rel"}, piece
    for address in addresses(html):
        assert re.match(r"(/(?![/\\])|https://|mailto:|\w)", address), address
        assert not re.match(r"(?i)\s*(javascript|data|vbscript):", address), address


@pytest.mark.parametrize("source", ABUSE, ids=range(len(ABUSE)))
def test_what_is_meant_to_act_stays_inert(source: str) -> None:
    for html in (rich_render(source), rich_clean(source), str(rich_show(source))):
        assert_inert(html)
    assert not any(re.match("//|https:", address) for address in addresses(rich_render(source)))


@given(st.text(max_size=300) | st.sampled_from(ABUSE).flatmap(
    lambda abuse: st.tuples(st.text(max_size=20), st.text(max_size=20)).map(
        lambda around: around[0] + abuse[:300] + around[1])))  # fmt: skip
def test_whatever_is_written_is_inert_and_stays_so_when_cleaned_again(source: str) -> None:
    html = rich_render(source)
    assert_inert(html)
    assert rich_clean(html) == html


def test_form_comes_out_as_it_was_meant() -> None:
    html = rich_render("**Bold** *italic*\n\n- one\n- two\n\n[go](/c/garden/) ![A bed](bed.svg)")
    assert "<strong>Bold</strong> <em>italic</em>" in html
    assert "<li>one</li>" in html
    assert '<a href="/c/garden/" rel="noopener noreferrer">go</a>' in html
    assert '<img src="bed.svg" alt="A bed">' in html


# --- In the admin and on pages -------------------------------------------------------------------


def post(client: Client, site: Site, body: str) -> object:
    url = reverse("admin:personalization_variant_change", args=[site.variant.pk])
    return client.post(url, {"name": "Garden", "headline": "Dig in", "body": body})


def test_a_body_is_published_clean_and_rendered_with_its_pictures(
    site: Site, marketer: Client
) -> None:
    post(marketer, site, "**Dig** <script>x</script> ![Beds](gardening-hero.svg)")
    [shown] = ruleset_payload()["variants"].values()
    assert_inert(shown["body"])
    template = Template("{{ content.body|rich }}")
    page = template.render(Context({"content": shown}))
    assert "<strong>Dig</strong> &lt;script&gt;" in page
    assert 'src="/static/demo/gardening-hero' in page


def test_what_a_payload_holds_is_cleaned_once_more_on_the_page() -> None:
    template = Template("{{ content.body|rich }}")
    evil = {"body": "<p onclick=alert(1)>x<script>alert(1)</script></p>"}
    assert template.render(Context({"content": evil})) == "<p>x</p>"
    assert template.render(Context({"content": {}})) == ""


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("[x](http://plain.example/)", "A link leads to “http://plain.example/”"),
        ("![x](gone.svg)", "There is no picture “gone.svg”"),
        ("x" * 5001, "at most 5000 characters"),
        ("a\x00b", "Null characters are not allowed."),
    ],
)
def test_what_would_be_left_out_is_refused_and_named(
    site: Site, marketer: Client, body: str, says: str
) -> None:
    response = post(marketer, site, body)
    assert says in response.content.decode()  # type: ignore[attr-defined]
    assert Variant.objects.get().body == ""


def test_the_preview_is_what_pages_show(site: Site, marketer: Client, editor: Client) -> None:
    for client in (marketer, editor):
        response = client.post(reverse("admin:variant_body"), {"body": "*Hi* <b onclick=x>"})
        assert response.content.decode() == "<p><em>Hi</em> &lt;b onclick=x&gt;</p>"
