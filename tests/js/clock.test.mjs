import assert from "node:assert/strict";
import { test } from "node:test";
import { createClock } from "../../static/src/tracker/clock.js";

const HOUR = 3600_000;

/** An active clock from 0 on. */
function started() {
  const clock = createClock();
  clock.activate(true, 0);
  clock.reset(0);
  return clock;
}

/** Reads every 10 s as the tracker does, up to `end`. */
function readUntil(clock, start, end) {
  for (let now = start; now < end; now += 10_000) clock.read(now);
  return clock.read(end);
}

test("nothing counts before the page is active", () => {
  assert.equal(createClock().read(5000), 0);
});

test("only active time counts, to the millisecond", () => {
  const clock = started();
  clock.activate(false, 4000);
  clock.activate(true, 9000);
  clock.activate(false, 12_000);
  assert.equal(clock.read(14_000), 7000);
});

test("telling twice that it is active changes nothing", () => {
  const clock = started();
  for (let now = 0; now < 3000; now += 7) clock.activate(true, now);
  assert.equal(clock.read(3000), 3000);
});

test("it stops 30 s after the last input and goes on with the next", () => {
  const clock = started();
  assert.equal(readUntil(clock, 0, 100_000), 30_000);
  clock.input(100_000);
  assert.equal(clock.read(102_500), 32_500);
});

test("coming back to the page is an input", () => {
  const clock = started();
  readUntil(clock, 0, 50_000);
  clock.activate(false, 50_000);
  clock.activate(true, 90_000);
  assert.equal(clock.read(95_000), 35_000);
});

test("a machine asleep adds nothing", () => {
  const clock = started();
  clock.read(2000);
  clock.read(2000 + 8 * HOUR);
  clock.input(2000 + 8 * HOUR);
  assert.equal(clock.read(3000 + 8 * HOUR), 3000);
});

test("a new view starts from zero, as if by an input", () => {
  const clock = started();
  clock.read(9000);
  clock.reset(10_000);
  assert.equal(clock.read(10_000), 0);
  assert.equal(readUntil(clock, 10_000, 100_000), 30_000);
});

test("a hidden page that gets a new view does not count", () => {
  const clock = started();
  clock.activate(false, 1000);
  clock.reset(2000);
  assert.equal(clock.read(9000), 0);
});
