import assert from "node:assert/strict";
import { test } from "node:test";
import { cut, elementFields, flatten, readCampaign, readSubject, readProperties } from "../../static/src/tracker/context.js";
import { fakeElement } from "./fakes.mjs";

test("text is cut, never through a character", () => {
  assert.equal(cut("abcdef", 3), "abc");
  assert.equal(cut("ab🌱", 3), "ab");
  assert.equal(cut("ab🌱", 4), "ab🌱");
  assert.equal(cut(""), undefined);
  assert.equal(cut(null), undefined);
});

test("properties are at most 20 scalars", () => {
  const mixed = { text: "a", number: 1.5, yes: true, no: false, zero: 0, list: [1], deep: {}, nan: NaN, none: null };
  assert.deepEqual(flatten(mixed), { text: "a", number: 1.5, yes: true, no: false, zero: 0 });
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`p${i}`, i]));
  assert.equal(Object.keys(flatten(many)).length, 20);
  assert.equal(flatten({ long: "x".repeat(900) }).long.length, 200);
  assert.deepEqual(flatten(undefined), {});
});

test("a page says what it is about in its body's attributes", () => {
  const body = fakeElement({ "data-attune-item": "beds", "data-attune-content-type": "article", "data-item": "no" });
  assert.deepEqual(readSubject(body, "data-attune-"), { item: "beds", content_type: "article" });
});

test("data-track-* become properties in snake case", () => {
  const element = fakeElement({ "data-track": "search", "data-track-list-name": "autumn", id: "x" });
  assert.deepEqual(readProperties(element, "data-track-"), { list_name: "autumn" });
});

test("an element is described by id, eight classes and section", () => {
  const element = fakeElement({ id: "buy", class: " a b\nc d e f g h i ", "data-category": "food" }, "hero");
  assert.deepEqual(elementFields(element, { extra: 1 }), {
    category: "food",
    element: { id: "buy", classes: ["a", "b", "c", "d", "e", "f", "g", "h"], section: "hero" },
    properties: { extra: 1 },
  });
});

test("of a query the campaign and the kind of click id are read, and nothing else", () => {
  const query = "?utm_source=news&utm_medium=email&q=private&gclid=Cj0KCQ&utm_x=1&email=a%40b.example&UTM_TERM=x";
  assert.deepEqual(readCampaign(query), { utm_source: "news", utm_medium: "email", click_id: "gclid" });
  assert.deepEqual(readCampaign(""), {});
});
