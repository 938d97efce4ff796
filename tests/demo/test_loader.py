"""`manage.py load_demo`: all of it, once, and nobody's edits lost."""

import io
import json
import stat
from pathlib import Path

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import call_command
from django.core.management.base import CommandError

from demo.loader import demo_load
from personalization.models import Campaign, Category, ContentItem, RuleSet, Slot, Variant

pytestmark = pytest.mark.django_db

MODELS = (Category, ContentItem, Variant, Slot, Campaign, RuleSet, get_user_model())


def rows() -> list[int]:
    return [model.objects.count() for model in MODELS]


def test_loading_twice_changes_nothing(logins_path: Path) -> None:
    first = demo_load(logins_path=logins_path)
    before = rows()
    assert first["content item"] >= 60
    second = demo_load(logins_path=logins_path)
    assert sum(second.values()) == 0
    assert rows() == before


def test_edits_stay_unless_overwriting_is_asked_for(logins_path: Path) -> None:
    demo_load(logins_path=logins_path)
    shipped = Variant.objects.get(name="Hero: welcome").headline
    Variant.objects.filter(name="Hero: welcome").update(headline="Ours")
    demo_load(logins_path=logins_path)
    assert Variant.objects.get(name="Hero: welcome").headline == "Ours"
    demo_load(logins_path=logins_path, overwrite=True)
    assert Variant.objects.get(name="Hero: welcome").headline == shipped


def test_what_is_loaded_passes_its_models_checks(logins_path: Path) -> None:
    demo_load(logins_path=logins_path)
    for model in (Category, ContentItem, Variant, Slot, Campaign):
        for row in model.objects.all():
            row.full_clean()


def test_every_live_campaign_is_in_the_published_rule_set(logins_path: Path) -> None:
    demo_load(logins_path=logins_path)
    payload = RuleSet.objects.latest("version").payload
    published = {campaign["id"] for slot in payload["slots"] for campaign in slot["campaigns"]}
    assert published == set(Campaign.objects.values_list("pk", flat=True))


def test_the_logins_work_and_only_their_owner_can_read_them(
    logins_path: Path, django_capture_on_commit_callbacks: object
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        demo_load(logins_path=logins_path)
    logins = json.loads(logins_path.read_text())
    assert stat.S_IMODE(logins_path.stat().st_mode) == 0o600
    assert set(logins) == {"admin", "marketer", "editor"}
    for name, password in logins.items():
        assert authenticate(username=name, password=password) is not None
    marketer = get_user_model().objects.get(username="marketer")
    assert not marketer.is_superuser
    assert [group.name for group in marketer.groups.all()] == ["Marketer"]


def test_the_command_says_what_it_made(settings: object, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    output = io.StringIO()
    call_command("load_demo", stdout=output)
    assert "Demo loaded: 6 categories, " in output.getvalue()


def test_a_broken_content_file_stops_the_load_with_one_line(
    settings: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]
    (tmp_path / "bad.toml").write_text("?", encoding="utf-8")
    monkeypatch.setattr("demo.loader.CONTENT", tmp_path)
    with pytest.raises(CommandError, match=r"bad\.toml"):
        call_command("load_demo")
    assert Category.objects.count() == 0
