"""Conditions and groups moved in a real browser: dragged, by keyboard, and taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.journeys.test_admin import SENTENCE, campaign, form_of, marketer, part, save, site

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

__all__ = ("marketer", "site")
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

RULE = {
    "all": [
        {"condition": "device", "value": "phone"},
        {"any": [{"condition": "visits", "value": 2}, {"condition": "gpc", "value": "on"}]},
        {"condition": "top_interest", "category": "gardening", "value": 3},
        {"any": [{"condition": "authenticated", "value": "yes"}], "name": "Members"},
    ]
}
STATUS = "[data-rule-status]"


@pytest.fixture
def editor(marketer: Page) -> Page:
    """The form of a campaign with two groups."""
    return opened(marketer, RULE)


def opened(page: Page, rule: dict[str, Any]) -> Page:
    """The campaign's form with this rule, in a window high enough to see all of it."""
    row = campaign()
    row.rule = rule
    row.save()
    page.set_viewport_size({"width": 1280, "height": 1500})
    page.goto(form_of(row))
    expect(page.locator("[data-rule][data-ready]")).to_have_count(1)
    page.locator("[data-rule]").scroll_into_view_if_needed()
    return page


def shape(node: Any) -> Any:
    """A rule by the kinds of its conditions."""
    if "condition" in node:
        return node["condition"]
    return [shape(member) for member in node.get("all") or node.get("any") or ()]


def shape_now(page: Page) -> Any:
    """The rule as the names of its fields say it, unsaved."""
    from personalization.rule_form.posted import tree_from_posted

    entries = (
        "Object.fromEntries(new FormData(document.querySelector('[data-rule]').closest('form')))"
    )
    return shape(tree_from_posted(page.evaluate(entries)))


def kept(page: Page) -> Any:
    save(page)
    return shape(campaign().rule)


def row_of(page: Page, kind: str) -> Locator:
    """The row of a condition; each kind is there once."""
    kinds = page.evaluate(
        "[...document.querySelectorAll('[data-rule-row] [data-part=condition]')].map(e => e.value)"
    )
    return page.locator("[data-rule-row]").nth(kinds.index(kind))


def handle(row: Locator) -> Locator:
    return row.locator("[data-rule-drag]").first


def center(found: Locator, *, down: float = 0.5) -> tuple[float, float]:
    box = found.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] * down


def drag(page: Page, row: Locator, to: tuple[float, float], *, drops: bool = True) -> None:
    page.mouse.move(*center(handle(row)))
    page.mouse.down()
    page.mouse.move(*to, steps=6)
    if drops:
        page.mouse.up()


def test_conditions_and_groups_are_dragged_along_into_groups_and_out_of_them(editor: Page) -> None:
    page = editor
    drag(page, row_of(page, "top_interest"), center(row_of(page, "device"), down=0.1))
    expect(page.locator(STATUS)).to_contain_text("place 1 of 4")
    expect(handle(row_of(page, "top_interest"))).to_be_focused()
    drag(page, row_of(page, "device"), center(row_of(page, "gpc"), down=0.9))
    expect(page.locator(STATUS)).to_contain_text("place 3 of 3 in the group")
    expect(page.locator(SENTENCE)).to_contain_text("or using a phone)")
    head = page.locator("[data-rule-group] > .at-group__head").first
    drag(page, row_of(page, "visits"), center(row_of(page, "top_interest"), down=0.1))
    expect(head).to_be_visible()
    expect(page.locator(STATUS)).to_contain_text("place 1 of 4 of the rule")
    assert kept(page) == ["visits", "top_interest", ["gpc", "device"], ["authenticated"]]

    opened(page, RULE)  # a group goes with all that is in it, but not into itself
    group = page.locator("[data-rule-group] [data-rule-group]").first
    drag(page, group, center(row_of(page, "gpc")))
    assert shape_now(page) == ["device", ["visits", "gpc"], "top_interest", ["authenticated"]]
    drag(page, group, center(row_of(page, "authenticated"), down=0.9))
    expect(page.locator(STATUS)).to_contain_text("in the group")
    assert kept(page) == ["device", "top_interest", ["authenticated", ["visits", "gpc"]]]
    assert campaign().rule["all"][2]["name"] == "Members"


def test_escape_a_drop_beside_the_rule_and_one_too_deep_change_nothing(editor: Page) -> None:
    from personalization.rules.tree import MAX_DEPTH

    page = editor
    before = shape_now(page)
    drag(page, row_of(page, "device"), center(row_of(page, "gpc")), drops=False)
    expect(page.locator(".at-drop")).to_have_count(1)
    page.keyboard.press("Escape")
    page.mouse.up()
    expect(page.locator(".at-drop")).to_have_count(0)
    drag(page, row_of(page, "device"), (5, 5))
    assert shape_now(page) == before
    expect(page.locator("[data-rule-undo]")).to_be_disabled()

    leaf: dict[str, Any] = {"condition": "visits", "value": 2}
    for _ in range(MAX_DEPTH - 2):
        leaf = {"any": [leaf]}
    opened(page, {"all": [leaf, {"any": [{"condition": "gpc", "value": "on"}]}]})
    before = shape_now(page)
    drag(page, page.locator("[data-rule] [data-rule-group]").last, center(row_of(page, "visits")))
    assert shape_now(page) == before, "a group would be too deep there"
    drag(page, row_of(page, "gpc"), center(row_of(page, "visits"), down=0.9))
    assert shape_now(page) != before, "a condition is not"


def test_alt_and_arrows_move_and_undo_takes_back_step_by_step(editor: Page) -> None:
    from personalization.rules.tree import rule_as_json, rule_parse

    page = editor
    before = shape_now(page)
    handle(row_of(page, "top_interest")).focus()
    page.keyboard.press("Alt+ArrowRight")
    expect(page.locator(STATUS)).to_contain_text("place 3 of 3 in the group")
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowLeft")
    expect(page.locator(STATUS)).to_contain_text("place 3 of 4 of the rule")
    page.keyboard.press("Alt+ArrowUp")
    page.keyboard.press("Alt+ArrowLeft")
    expect(page.locator(STATUS)).to_have_text("It cannot go there.")
    assert shape_now(page) == ["device", "top_interest", ["visits", "gpc"], ["authenticated"]]
    expect(handle(row_of(page, "top_interest"))).to_be_focused()
    group = page.locator("[data-rule-group] [data-rule-group]").first
    group.locator("> .at-group__head [data-rule-remove]").click()
    assert shape_now(page) == ["device", "top_interest", ["authenticated"]]
    expect(page.get_by_text("Removed group “any of these is true”.", exact=True)).to_be_visible()
    page.keyboard.press("Control+z")
    assert shape_now(page) == ["device", "top_interest", ["visits", "gpc"], ["authenticated"]]
    expect(page.locator(STATUS)).to_contain_text("Undone: Removed group")
    for _ in range(4):
        page.get_by_role("button", name="Undo", exact=True).click()
    assert shape_now(page) == before
    expect(page.get_by_role("button", name="Undo", exact=True)).to_be_disabled()
    row_of(page, "gpc").locator("[data-rule-remove]").click()
    value = part(row_of(page, "visits"), "value")
    value.fill("7")
    value.press("Control+z")  # in a field, undo is the field's own
    assert shape_now(page) == ["device", ["visits"], "top_interest", ["authenticated"]]
    page.get_by_role("button", name="Undo", exact=True).click()
    value.fill("2")
    save(page)
    assert campaign().rule == rule_as_json(rule_parse(RULE))


def test_undo_takes_back_what_was_added_and_changed_and_redo_does_it_again(editor: Page) -> None:
    page = editor
    undo, redo = (page.get_by_role("button", name=name, exact=True) for name in ("Undo", "Redo"))
    before = shape_now(page)
    value = part(row_of(page, "visits"), "value")
    value.fill("7")
    group = page.locator("[data-rule-group] [data-rule-group]").first
    group.locator("> .at-group__adds [data-rule-add]").click()
    added = group.locator("[data-rule-row]").last
    part(added, "condition").select_option("bot")
    part(group.locator("> .at-group__head"), "kind").select_option("at_least")
    page.locator("[data-rule] > [data-rule-group] > .at-group__adds [data-rule-add-group]").click()
    after = shape_now(page)
    assert after[1:2] == [[]], "at least: no list of all or any"
    assert len(after) == len(before) + 1
    for said in ("Group added", "Changed to", "Changed a condition", "Condition added"):
        page.keyboard.press("Control+z")
        expect(page.locator(STATUS)).to_contain_text(f"Undone: {said}")
    assert shape_now(page) == before
    expect(undo).to_be_disabled()
    expect(redo).to_be_focused()
    for _ in range(3):
        page.keyboard.press("Control+Shift+z")
    redo.click()
    expect(redo).to_be_disabled()
    assert shape_now(page) == after
    part(row_of(page, "visits"), "condition").select_option("event_did")
    undo.click()
    expect(part(row_of(page, "visits"), "value")).to_have_value("7")
    expect(handle(row_of(page, "visits"))).to_be_focused()
    handle(row_of(page, "device")).focus()
    page.keyboard.press("Alt+ArrowDown")
    expect(redo).to_be_disabled()


def test_a_finger_drags_too(editor: Page, chromium: Browser, live_server: object) -> None:
    context = chromium.new_context(
        base_url=str(live_server),
        storage_state=editor.context.storage_state(),
        viewport={"width": 390, "height": 900},
        has_touch=True,
        is_mobile=True,
    )
    page = context.new_page()
    page.goto(form_of(campaign()))
    expect(page.locator("[data-rule][data-ready]")).to_have_count(1)
    grip = handle(row_of(page, "device"))
    grip.scroll_into_view_if_needed()
    x, y = center(grip)
    target = center(row_of(page, "visits"), down=0.1)
    session = context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        session.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]},
        )

    touch("touchStart", (x, y))
    for step in range(1, 7):
        touch("touchMove", (x, y + (target[1] - y) * step / 6))
    touch("touchEnd")
    expect(page.locator(STATUS)).to_contain_text("in the group")
    assert shape_now(page) == [["device", "visits", "gpc"], "top_interest", ["authenticated"]]
    context.close()
