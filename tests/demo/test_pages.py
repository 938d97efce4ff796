"""Every page renders, is well formed, and brings nothing that a strict CSP refuses."""

import re
from html.parser import HTMLParser

import pytest
from django.template import loader
from django.test import Client

from personalization.selectors import category_list, item_list

pytestmark = [pytest.mark.usefixtures("demo_site"), pytest.mark.django_db]

PATHS = (
    "/",
    "/c/gardening/",
    "/c/gardening/?type=video",
    "/c/cycling/?type=nonsense",
    "/items/raised-beds-in-a-weekend/",
    "/search/",
    "/search/?type=guide",
    "/search/?q=garden",
    "/search/?q=zzzz",
    "/about/",
    "/sign-in/",
    "/preferences/",
    "/nowhere/",
)


class Outline(HTMLParser):
    """Counts tags and collects what a strict CSP would refuse."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.inline: list[str] = []
        self.ids: list[str] = []
        self.images_without_size = 0
        self.addresses: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        if "id" in found:
            self.ids.append(str(found["id"]))
        if tag == "style" or (tag == "script" and "src" not in found):
            self.inline.append(tag)
        self.inline += [name for name in found if name == "style" or name.startswith("on")]
        if tag == "img":
            self.images_without_size += not {"width", "height", "alt"} <= found.keys()
        self.addresses += [str(found[name]) for name in ("src", "href") if name in found]


@pytest.mark.parametrize("path", PATHS)
def test_a_page_is_well_formed(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == (404 if path == "/nowhere/" else 200)
    outline = Outline(response.content.decode())
    assert outline.tags.count("h1") == 1
    for landmark in ("header", "nav", "main", "footer", "title"):
        assert landmark in outline.tags
    assert outline.inline == []
    assert outline.images_without_size == 0
    assert len(outline.ids) == len(set(outline.ids))


@pytest.mark.parametrize("path", PATHS)
def test_a_page_asks_no_other_host_for_anything(client: Client, path: str) -> None:
    outline = Outline(client.get(path).content.decode())
    own = ("/", "#", "http://testserver/")
    assert [address for address in outline.addresses if not address.startswith(own)] == []
    assert not [address for address in outline.addresses if address.startswith("//")]


def test_every_item_and_category_has_its_page(client: Client) -> None:
    for item in item_list():
        response = client.get(item.get_absolute_url())
        html = response.content.decode()
        assert response.wsgi_request.visitor.page_item == item.slug  # type: ignore[attr-defined]
        assert f'data-attune-item="{item.slug}"' in html
        assert f'data-attune-category="{item.category.slug}"' in html
        assert f'data-attune-content-type="{item.content_type}"' in html
        assert Outline(html).inline == [], item.slug
    for category in category_list():
        assert client.get(f"/c/{category.slug}/").status_code == 200


def test_pages_set_no_cookie_and_hold_no_tracker_before_a_choice(client: Client) -> None:
    for path in PATHS:
        response = client.get(path)
        assert response.cookies == {}
        assert "tracker.js" not in response.content.decode()


def test_a_category_is_filtered_by_content_type(client: Client) -> None:
    cards = client.get("/c/gardening/?type=product").context["cards"]
    assert cards
    assert {card["content_type"] for card in cards} == {"product"}


def test_products_can_be_added_and_videos_played(client: Client) -> None:
    product = item_list(content_type="product", limit=1)[0]
    html = client.get(product.get_absolute_url()).content.decode()
    assert 'data-track="add_to_cart"' in html
    assert f"€{product.price:.2f}" in html
    video = item_list(content_type="video", limit=1)[0]
    assert 'data-track="video_play"' in client.get(video.get_absolute_url()).content.decode()


def test_search_finds_by_title_and_suggests_when_it_does_not(client: Client) -> None:
    found = client.get("/search/", {"q": "raised beds"})
    assert found.context["cards"][0]["slug"] == "raised-beds-in-a-weekend"
    empty = client.get("/search/", {"q": "zzzz"})
    assert empty.context["cards"] == []
    for word in empty.context["suggestions"]:
        assert client.get("/search/", {"q": word}).context["cards"], word


@pytest.mark.parametrize("query", ["<script>alert(1)</script>", "\x00", "%", "é" * 500, '"'])
def test_any_search_text_is_only_text(client: Client, query: str) -> None:
    response = client.get("/search/", {"q": query})
    assert response.status_code == 200
    assert "<script>alert" not in response.content.decode()


def test_the_server_error_page_stands_on_its_own() -> None:
    html = loader.get_template("500.html").render()
    assert Outline(html).inline == []
    assert Outline(html).tags.count("h1") == 1


def test_the_navigation_asks_the_database_once_for_many_pages(
    client: Client, django_assert_num_queries: object
) -> None:
    client.get("/about/")
    with django_assert_num_queries(0):  # type: ignore[operator]
        client.get("/about/")


def test_forms_only_read(client: Client) -> None:
    html = client.get("/").content.decode()
    methods = re.findall(r'<form[^>]*action="([^"]*)"[^>]*>', html)
    assert "/search/" in methods
    assert client.post("/search/", {"q": "x"}).status_code in (403, 405)
