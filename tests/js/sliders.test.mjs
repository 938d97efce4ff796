import assert from "node:assert/strict";
import { test } from "node:test";
import { daysAt, partOf } from "../../static/src/admin/sliders.js";

test("a slider reaches from an hour to a year, and each position is more than the one before", () => {
  const days = Array.from({ length: 201 }, (_, position) => daysAt(position / 200));
  assert.equal(days[0], 0.05);
  assert.equal(days[200], 400);
  assert.ok(days.every((value, index) => index === 0 || value >= days[index - 1]));
});

for (const days of [0.1, 0.5, 1, 3.5, 30, 90, 365]) {
  test(`${days} days stand where the slider says ${days} days`, () => {
    assert.ok(Math.abs(daysAt(partOf(days)) / days - 1) < 0.06);
  });
}

test("what is beyond stands at the end", () => {
  assert.equal(partOf(9999), 1);
  assert.equal(partOf(0.001), 0);
});
