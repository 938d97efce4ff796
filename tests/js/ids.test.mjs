import assert from "node:assert/strict";
import { test } from "node:test";
import { uuid7 } from "../../static/src/tracker/ids.js";

const SHAPE = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test("an id is a UUIDv7 of its time", () => {
  const id = uuid7(0x0123456789ab, new Uint8Array(11).fill(0xff));
  assert.equal(id, "01234567-89ab-7fff-bfff-ffffffffffff");
  assert.match(uuid7(), SHAPE);
});

test("ids of the same millisecond differ, later ids sort after", () => {
  const ids = Array.from({ length: 1000 }, () => uuid7(5));
  assert.equal(new Set(ids).size, 1000);
  assert.ok(ids.every((id) => SHAPE.test(id) && id < uuid7(6)));
});

test("every variant digit comes up", () => {
  const digits = [0, 1, 2, 3].map((last) => uuid7(1, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last))[19]);
  assert.deepEqual(digits, ["8", "9", "a", "b"]);
});
