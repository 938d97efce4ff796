"""What the content files promise: enough of it, valid, and with pictures that are there."""

from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings

from demo.loader import CONTENT, ContentError, content_read
from demo.prose import prose_render
from demo.showcase import CAMPAIGNS, SLOTS, VARIANTS
from personalization.rules.tree import rule_parse

FILES = content_read()
ITEMS = [item for file in FILES for item in file["items"]]
PICTURES = Path(settings.BASE_DIR) / "static" / "demo"


def test_there_is_enough_to_live_in() -> None:
    assert len(FILES) >= 6
    assert len(ITEMS) >= 60
    assert len({item["content_type"] for item in ITEMS}) == 4
    for file in FILES:
        assert len({item["content_type"] for item in file["items"]}) == 4


def test_slugs_and_titles_are_unique() -> None:
    for name in ("slug", "title"):
        assert [
            value for value, count in Counter(i[name] for i in ITEMS).items() if count > 1
        ] == []


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item["slug"])
def test_an_item_has_what_its_type_needs(item: dict) -> None:
    assert len(item["title"]) <= 120
    assert len(item["summary"]) <= 300
    assert item["tags"]
    assert (item["price"] is not None) == (item["content_type"] == "product")
    assert (item["minutes"] is None) == (item["content_type"] == "product")
    html = prose_render(item["body"])
    assert len(html) > 300
    assert "style=" not in html
    assert "<h1" not in html


def test_every_picture_is_there_and_plain() -> None:
    named = {item["image"] for item in ITEMS} | {row.get("image", "") for row in VARIANTS}
    for name in named - {""}:
        text = (PICTURES / name).read_text(encoding="utf-8")
        assert "<script" not in text
        assert "http://" not in text.replace("http://www.w3.org/", "")
        assert "https://" not in text


def test_the_showcase_fits_together() -> None:
    variants = {row["name"] for row in VARIANTS}
    slots = {row["key"] for row in SLOTS}
    categories = {file["category"]["slug"] for file in FILES}
    assert all(row["default"] in variants for row in SLOTS)
    assert all(row.get("category", "gardening") in categories for row in VARIANTS)
    for row in CAMPAIGNS:
        assert row["slot"] in slots
        assert row["variant"] in variants
        rule_parse(row["rule"])


def test_markdown_shows_html_as_text_and_knows_no_script_links() -> None:
    html = prose_render("<img src=x onerror=y> [a](javascript:alert) [b](/items/x/)")
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert '<a href="/items/x/">' in html


def test_a_table_column_is_aligned_by_class_only() -> None:
    html = prose_render("| a | b |\n|---|--:|\n| 1 | 2 |")
    assert '<td class="number">2</td>' in html
    assert "style" not in html


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("not toml [", "broken.toml"),
        ('[category]\nslug = "a"\n[[items]]\nslug = "b"\n', "broken.toml, b"),
        (
            '[category]\nslug="a"\n[[items]]\nslug="b"\ntitle="t"\nsummary="s"\nbody="x"\n'
            'type="article"\npublished="@"\n',
            "broken.toml, b: Invalid isoformat",
        ),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "broken.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ContentError, match=words):
        content_read(tmp_path)


def test_the_content_folder_is_the_repository_s_own() -> None:
    assert CONTENT.is_dir()
