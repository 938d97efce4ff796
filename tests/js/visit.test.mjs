import assert from "node:assert/strict";
import { test } from "node:test";
import { createStorage } from "../../static/src/tracker/storage.js";
import { createVisits } from "../../static/src/tracker/visit.js";
import { FakeStorage, blockedStorage } from "./fakes.mjs";

const MINUTE = 60_000;
const START = 1_763_800_000_000;

function visitsIn(area) {
  let number = 0;
  return createVisits({ storage: createStorage(area), uuid: () => `visit-${(number += 1)}` });
}

test("a visit lasts while its events are less than 30 minutes apart", () => {
  const visits = visitsIn(() => box);
  const box = new FakeStorage();
  assert.equal(visits.touch(START), "visit-1");
  assert.equal(visits.touch(START + 29 * MINUTE), "visit-1");
  assert.equal(visits.touch(START + 58 * MINUTE), "visit-1");
  assert.equal(visits.touch(START + 88 * MINUTE), "visit-2");
});

test("a visit ends after 24 hours, however busy", () => {
  const box = new FakeStorage();
  const visits = visitsIn(() => box);
  const ids = new Set();
  for (let minute = 0; minute < 24 * 60; minute += 20) ids.add(visits.touch(START + minute * MINUTE));
  assert.equal(ids.size, 1);
  assert.equal(visits.touch(START + 24 * 60 * MINUTE), "visit-2");
});

test("reading extends a visit and never starts one", () => {
  const box = new FakeStorage();
  const visits = visitsIn(() => box);
  visits.extend(START);
  assert.deepEqual(Object.keys(box), []);
  visits.touch(START);
  visits.extend(START + 25 * MINUTE);
  assert.equal(visits.touch(START + 50 * MINUTE), "visit-1");
  visits.extend(START + 100 * MINUTE);
  assert.equal(JSON.parse(box["attune.visit"]).last, START + 50 * MINUTE);
});

test("tabs share the visit", () => {
  const box = new FakeStorage();
  const [one, other] = [visitsIn(() => box), visitsIn(() => box)];
  one.touch(START);
  box["attune.visit"] = box["attune.visit"].replace("visit-1", "shared");
  assert.equal(other.touch(START + MINUTE), "shared");
});

test("without storage the visit is this tab's own", () => {
  const visits = visitsIn(blockedStorage);
  assert.equal(visits.touch(START), "visit-1");
  assert.equal(visits.touch(START + MINUTE), "visit-1");
  assert.equal(visits.touch(START + 40 * MINUTE), "visit-2");
  assert.ok(!visits.isGone());
});

test("a visit that another tab cleared is gone", () => {
  const box = new FakeStorage();
  const visits = visitsIn(() => box);
  visits.touch(START);
  assert.ok(!visits.isGone());
  delete box["attune.visit"];
  assert.ok(visits.isGone());
});

for (const broken of ["null", "{}", "not json", '{"id":"x","started":"y","last":"z"}', "7"]) {
  test(`a broken value is no visit: ${broken}`, () => {
    const box = new FakeStorage();
    box["attune.visit"] = broken;
    assert.equal(visitsIn(() => box).touch(START), "visit-1");
  });
}

test("a clock set back by a year starts a new visit", () => {
  const box = new FakeStorage();
  const visits = visitsIn(() => box);
  visits.touch(START + 365 * 24 * 60 * MINUTE);
  assert.equal(visits.touch(START), "visit-2");
});
