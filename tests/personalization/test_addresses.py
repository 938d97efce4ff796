"""What a variant links to and shows: addresses that stay put, pictures that are there."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.template import engines
from django.test import Client, override_settings
from django.urls import reverse

from personalization.models import Variant
from personalization.pictures import picture_list
from tests.personalization.admin_site import Site

MANIFEST = {
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage",
    }
}


def variant_save(client: Client, site: Site, **changed: str) -> Any:
    url = reverse("admin:personalization_variant_change", args=[site.variant.pk])
    return client.post(url, {"name": "Garden", "headline": "Dig in", **changed})


@pytest.mark.parametrize("url", ["/", "/c/gardening/?a=b#c", "https://example.org/x"])
def test_a_button_leads_to_a_page_here_or_by_https(url: str) -> None:
    Variant(name="V", headline="H", button_url=url).full_clean(validate_unique=False)


@pytest.mark.parametrize(
    "url",
    ["//evil.example", "/\\evil.example", "/\t/evil.example", "/a\n", "/a b", "http://example.org",
     "javascript:alert(1)", "https:\\\\evil.example", "/a\x00"],
)  # fmt: skip
def test_a_button_leads_nowhere_else(url: str) -> None:
    with pytest.raises(ValidationError, match="Start with / or https://"):
        Variant(name="V", headline="H", button_url=url).full_clean(validate_unique=False)


@pytest.mark.parametrize("image", ["../../settings.py", "/etc/passwd", "a/../b.svg", "https://x/"])
def test_a_picture_stays_in_its_folder(image: str) -> None:
    with pytest.raises(ValidationError, match="There is no such picture"):
        Variant(name="V", headline="H", image=image).full_clean(validate_unique=False)


def test_pictures_are_chosen_from_those_there_are(site: Site, marketer: Client) -> None:
    assert "gardening-hero.svg" in picture_list()
    url = reverse("admin:personalization_variant_change", args=[site.variant.pk])
    page = marketer.get(url).content.decode()
    assert '<option value="gardening-hero.svg">gardening-hero.svg</option>' in page
    assert variant_save(marketer, site, image="gardening-hero.svg").status_code == 302
    assert Variant.objects.get().image == "gardening-hero.svg"
    for missing in ("none.svg", "../css/admin.css"):
        page = variant_save(marketer, site, image=missing).content.decode()
        assert "There is no such picture." in page
    assert Variant.objects.get().image == "gardening-hero.svg"


def test_a_picture_that_is_gone_is_shown_and_refused(site: Site, marketer: Client) -> None:
    Variant.objects.update(image="gone.svg")
    url = reverse("admin:personalization_variant_change", args=[site.variant.pk])
    assert "gone.svg (not there any more)" in marketer.get(url).content.decode()
    page = variant_save(marketer, site, image="gone.svg").content.decode()
    assert "There is no such picture." in page
    assert 'value="gone.svg" selected' in page


@override_settings(STORAGES=MANIFEST, DEBUG=False)
@pytest.mark.parametrize(
    "template",
    ["_variant", "home-hero", "home-strip", "category-banner", "item-aside"],
)
def test_a_missing_picture_leaves_the_words(template: str) -> None:
    source = "{% include 'personalization/slots/" + template + ".html' %}"
    content = {"headline": "Dig in", "image": "gone.svg", "items": [], "button_url": ""}
    html = engines["django"].from_string(source).render({"content": content})
    assert "Dig in" in html
    assert "<img" not in html
