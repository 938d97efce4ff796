"""Campaigns to a file and back: a preview first, drafts only, all or none, nothing hostile."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from personalization.campaigns.importing import ImportStaleError, import_apply, import_plan
from personalization.campaigns.interchange import MAX_BYTES, InterchangeError, entries_read
from personalization.campaigns.interchange_write import campaigns_export
from personalization.models import Campaign, ExclusionGroup, Variant
from personalization.selectors import ruleset_version
from tests.personalization.admin_site import RULE, Site

SCHEMA = json.loads(
    (Path(__file__).resolve().parents[2] / "docs/campaigns.schema.json").read_text()
)
URL = reverse("admin:campaign_import")


def row(**changed: Any) -> dict[str, Any]:
    return {
        "name": "Imported", "slot": "hero", "priority": 60, "rule": RULE,
        "schedule": {"zone": "Europe/Berlin", "starts": "2026-03-01T09:00", "ends": None},
        "variant": {"name": "New words", "headline": "Hello", "body": "**Hi**"},
        **changed,
    }  # fmt: skip


def document(*rows: Any, **changed: Any) -> dict[str, Any]:
    return {"format": "attune-campaigns", "version": 1, "campaigns": list(rows), **changed}


def content(*rows: Any, **changed: Any) -> bytes:
    return json.dumps(document(*rows, **changed)).encode()


def lines(*rows: Any) -> list[tuple[str, dict[str, str]]]:
    return [(one.verdict, dict(one.lines)) for one in import_plan(content(*rows)).planned]


def apply(data: bytes) -> None:
    import_apply(data, digest=import_plan(data).digest, by="mara")


def test_what_is_exported_is_imported_the_same(site: Site) -> None:
    exported = campaigns_export(Campaign.objects.select_related("slot", "variant__category"))
    jsonschema.validate(json.loads(exported), SCHEMA)
    assert [one.verdict for one in import_plan(exported.encode()).planned] == ["same"]
    renamed = exported.replace("Gardeners", "Again").encode()
    apply(renamed)
    copy = Campaign.objects.get(name="Again")
    assert (copy.status, copy.rule, copy.variant) == ("draft", RULE, site.variant)
    again = campaigns_export(Campaign.objects.filter(name="Again"))
    assert json.loads(again)["campaigns"] == json.loads(renamed)["campaigns"]


def test_everything_arrives_as_a_draft_and_changes_no_page(site: Site) -> None:
    apply(content(row(), row(name="Gardeners", priority=1)))
    made, changed = Campaign.objects.get(name="Imported"), Campaign.objects.get(name="Gardeners")
    assert (made.status, made.published) == ("draft", None)
    assert (changed.status, changed.priority) == ("published", 1)
    assert changed.published is not None
    assert changed.published.payload["priority"] == 50
    assert made.starts_at is not None
    assert f"{made.starts_at:%H:%M}" == "08:00", "nine o'clock in Berlin"
    assert changed.steps.first().action == "draft edited"  # type: ignore[union-attr]


LIMITS = {
    "cap": {"count": 3, "unit": "days", "length": 7}, "after_dismissal": 7, "after_click": 2,
    "after_event": ["purchase", 14], "exempt": "Terms have changed",
    "capacity": {"count": 500, "counted": "exposures", "per": "ever"},
}  # fmt: skip


def test_limits_go_into_a_file_and_back_by_the_name_of_their_group(site: Site) -> None:
    sales = ExclusionGroup.objects.create(name="Sales")
    site.campaign.frequency = LIMITS | {"group": sales.pk}
    site.campaign.save()
    exported = campaigns_export(Campaign.objects.all())
    jsonschema.validate(json.loads(exported), SCHEMA)
    [told] = json.loads(exported)["campaigns"]
    assert told["frequency"] == LIMITS | {
        "group": "Sales", "after_event": {"type": "purchase", "days": 14},
    }  # fmt: skip
    assert [one.verdict for one in import_plan(exported.encode()).planned] == ["same"]
    [(verdict, said)] = lines(told | {"name": "Again"})
    assert (verdict, said["how often"][:36]) == ("make", "At most 3 times a week, 7 days' paus")
    apply(content(told | {"name": "Again"}))
    assert Campaign.objects.get(name="Again").frequency == site.campaign.frequency
    without = {key: value for key, value in told.items() if key != "frequency"}
    [(verdict, said)] = lines(without)
    assert verdict == "change"
    assert said["draft"].endswith("→ As often as the rule matches.")


def test_a_variant_of_the_same_name_is_not_changed(site: Site) -> None:
    given = row(variant={"name": "Garden", "headline": "Other words"})
    [(verdict, said)] = lines(given)
    assert verdict == "make"
    assert said["variant"] == (
        "makes the variant “Garden (imported)”; “Garden” says something else and stays as it is"
    )
    apply(content(given))
    assert Variant.objects.get(name="Garden").headline == "Dig in"
    assert Campaign.objects.get(name="Imported").variant.name == "Garden (imported)"


def test_a_new_variant_is_made_once_for_many_campaigns(site: Site) -> None:
    apply(content(row(), row(name="Second")))
    assert Variant.objects.filter(name="New words").count() == 1
    verdicts = lines(
        row(name="A", variant={"name": "V", "headline": "1"}),
        row(name="B", variant={"name": "V", "headline": "2"}),
    )
    assert [verdict for verdict, _ in verdicts] == ["make", "refuse"]


REFUSED = [
    (row(slot="gone"), "slot", "There is no slot “gone”; there are: hero."),
    (row(slot=7), "slot", "Use text."),
    (row(name=""), "name", "This is needed."),
    (row(name="x" * 81), "name", "Use at most 80 characters; there are 81."),
    (row(name="a\x00b"), "name", "It holds a character that cannot be shown."),
    (row(name="\ud800"), "name", "It holds a character that cannot be shown."),
    (row(priority=0), "priority", "Use a whole number from 1 to 100."),
    (row(priority=True), "priority", "Use a whole number from 1 to 100."),
    (row(priority=1e308), "priority", "Use a whole number from 1 to 100."),
    (row(rule={"all": [{"condition": "weather"}]}), "rule", "There is no condition 'weather'."),
    (row(rule="__class__"), "rule", "A rule is an object"),
    (row(status="published"), "status", "There is no such field"),
    (row(settings={}), "settings", "There is no such field"),
    (row(frequency={"group": "Nobody knows"}), "frequency.group",
     "There is no exclusion group “Nobody knows”: make it first, or leave it out. There are: “Sa"),
    (row(frequency={"after_event": {"type": "gone", "days": 7}}), "frequency.after_event.type",
     "There is no event type “gone”."),
    (row(frequency={"after_event": {"type": "purchase"}}), "frequency.after_event.days",
     "This is needed."),
    (row(frequency={"cap": {"count": 51}}), "frequency.cap.count", "from 1 to 50"),
    (row(frequency={"cap": {"count": True}}), "frequency.cap.count", "from 1 to 50"),
    (row(frequency={"cap": {"unit": "days"}}), "frequency.cap.count", "This is needed."),
    (row(frequency={"cap": {"count": 1, "unit": "years"}}), "frequency.cap.unit", "Use one of:"),
    (row(frequency={"cap": 3}), "frequency.cap", "Use an object"),
    (row(frequency={"after_click": 366}), "frequency.after_click", "days from 1 to 365"),
    (row(frequency={"after_dismissal": "7"}), "frequency.after_dismissal", "days from 1 to 365"),
    (row(frequency={"exempt": "x" * 201}), "frequency.exempt", "at most 200 characters"),
    (row(frequency={"__class__": 1}), "frequency.__class__", "There is no such field"),
    (row(frequency=[]), "frequency", "Use an object"),
    (row(schedule={"zone": "../etc"}), "schedule.zone", "There is no time zone “../etc”."),
    (row(schedule={"zone": "Europe/Berlin", "starts": "2026-03-29T02:30"}), "schedule.starts",
     "there is no 02:30"),
    (row(schedule={"starts": 5}), "schedule.starts", "Use null, or a date and time like"),
    (row(schedule=[]), "schedule", "Use an object"),
    (row(variant="Garden"), "variant", "Use an object with at least its name."),
    (row(variant={"name": "Nobody knows"}), "variant.name", "There is no variant"),
    (row(variant={"name": "V"} | {"text": "no headline"}), "variant.headline", "This is needed."),
    (row(variant={"name": "V", "headline": "x", "button_url": "javascript:alert(1)"}),
     "variant.button_url", "Start with / or https://"),
    (row(variant={"name": "V", "headline": "x", "image": "../../etc/passwd"}), "variant.image",
     "There is no picture"),
    (row(variant={"name": "V", "headline": "x", "body": "[x](javascript:1) [y](//evil)"}),
     "variant.body", "is no picture and no link of this site."),
    (row(variant={"name": "V", "headline": "x", "items": "all"}), "variant.items", "not a valid"),
    (row(variant={"name": "V", "headline": "x", "category": "gone"}), "variant.category",
     "There is no category “gone”."),
    (row(variant={"name": "V", "headline": "x", "onclick": "x"}), "variant.onclick",
     "There is no such field"),
    ("no object", "", "A campaign is an object."),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "field", "says"), REFUSED, ids=[f"{i}-{one[1]}" for i, one in enumerate(REFUSED)]
)
def test_what_is_wrong_is_refused_beside_its_field(
    site: Site, given: Any, field: str, says: str
) -> None:
    ExclusionGroup.objects.create(name="Sales")
    [(verdict, said), (other, _)] = lines(given, row(name="Fine"))
    assert verdict == "refuse"
    assert says in said[field]
    assert other == "make", "the others are not held up"
    apply(content(given, row(name="Fine")))
    assert set(Campaign.objects.values_list("name", flat=True)) == {"Gardeners", "Fine"}


@pytest.mark.parametrize(
    "given",
    [one[0] for one in REFUSED if one[1] not in (
        "slot", "rule", "schedule.zone", "schedule.starts", "variant.name", "variant.headline",
        "variant.button_url", "variant.image", "variant.body", "variant.items",
        "variant.category", "frequency.group") and
        "event type" not in one[2] and "\\u" not in json.dumps(one[0])],
)  # fmt: skip
def test_the_schema_refuses_what_the_shape_forbids(given: Any) -> None:
    jsonschema.validate(document(row()), SCHEMA)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document(given), SCHEMA)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not JSON: line 1, column 1"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "“format” must be"),
        (content(row(), version=2), "“version” must be 1"),
        (content(row(), version=True), "“version” must be 1"),
        (content(), "at least one campaign"),
        (content(row(), evil=1), "There is no field “evil”"),
        (content(*[row(name=f"C{i}") for i in range(201)]), "more than 200"),
        (b"[" * 100_000, "nests too deep"),
        (b'{"a":' * 50_000, "nests too deep"),
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "too long"),
        (b" " * (MAX_BYTES + 1), "larger than 512 KB"),
    ],
)
def test_what_is_no_such_file_is_refused_with_the_reason(data: bytes, says: str) -> None:
    with pytest.raises(InterchangeError, match=says):
        entries_read(data)


def test_nothing_is_imported_that_was_not_shown(site: Site) -> None:
    data = content(row(name="Gardeners", priority=1))
    digest = import_plan(data).digest
    Campaign.objects.update(revision=99)
    with pytest.raises(ImportStaleError, match="nothing was imported"):
        import_apply(data, digest=digest, by="mara")
    assert Campaign.objects.get().priority == 50


def test_an_archived_name_is_refused(site: Site) -> None:
    Campaign.objects.update(status="archived")
    [(verdict, said)] = lines(row(name="Gardeners"))
    assert (verdict, said["name"]) == (
        "refuse", "A campaign of this name is archived: restore it or rename this one.",
    )  # fmt: skip


# --- In the admin --------------------------------------------------------------------------------


def upload(client: Client, data: bytes) -> Any:
    return client.post(URL, {"file": SimpleUploadedFile("c.json", data)})


def test_the_preview_says_what_would_be_done_and_then_it_is(
    site: Site, marketer: Client, editor: Client
) -> None:
    for client, name in ((marketer, "Mara's"), (editor, "Edo's")):
        evil = row(name="<script>alert(1)</script>", slot="gone")
        response = upload(client, content(row(name=name), evil))
        page = response.content.decode()
        assert "Will be made, as a draft: 1" in page
        assert "Refused: 1" in page
        assert "<script>alert" not in page
        assert not Campaign.objects.filter(name=name).exists()
        posted = {"text": response.context["text"], "digest": response.context["plan"].digest}
        done = client.post(URL, posted)
        assert [str(m) for m in get_messages(done.wsgi_request)][-1] == (
            "Imported: 1 made, 0 changed, all as drafts; 1 refused."
        )
        assert Campaign.objects.get(name=name).status == "draft"
    assert ruleset_version() == site.version


@pytest.mark.parametrize("data", [b"", b"[]", b"\x00", b"x" * (MAX_BYTES + 1), b"[" * 90_000])
def test_a_hostile_file_is_told_so(site: Site, marketer: Client, data: bytes) -> None:
    response = upload(marketer, data)
    assert response.status_code == 400
    assert 'class="at-error"' in response.content.decode()


def test_an_export_is_a_file(site: Site, marketer: Client) -> None:
    response = marketer.get(reverse("admin:campaign_export", args=[site.campaign.pk]))
    assert response["Content-Disposition"] == 'attachment; filename="campaigns.json"'
    chosen = {"action": "bulk_export", "_selected_action": [site.campaign.pk]}
    listed = marketer.post(reverse("admin:personalization_campaign_changelist"), chosen)
    assert listed.content == response.content
    assert json.loads(response.content)["campaigns"][0]["name"] == "Gardeners"
    assert marketer.get(reverse("admin:campaign_export", args=[999])).status_code == 404
