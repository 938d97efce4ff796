import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { createTracker } from "../../static/src/tracker/tracker.js";

let now;
let queue;
let tracker;
let pages;
let extended;

beforeEach(() => {
  now = 1000;
  extended = [];
  pages = [{ path: "/", item: "beds", category: "gardening" }, { path: "/two" }];
  queue = { events: [], left: 0, add: (event) => queue.events.push(event), leave: () => (queue.left += 1), stop() {} };
  let number = 0;
  tracker = createTracker({
    queue,
    visits: { touch: (at) => `visit@${at}`, extend: (at) => extended.push(at) },
    uuid: () => `id-${(number += 1)}`,
    readPage: () => pages.shift(),
    now: () => now,
  });
});

test("an event carries its view, visit, page and time", () => {
  tracker.open({ referrer: undefined });
  now = 2000;
  tracker.record("click", { category: "food", properties: { a: 1 }, item: undefined });
  const [view, click] = queue.events;
  assert.deepEqual(view, {
    id: "id-2", type: "page_view", at: 1000, visit: "visit@1000", view: "id-1", path: "/", item: "beds", category: "gardening",
  });
  assert.deepEqual(click, {
    id: "id-3", type: "click", at: 2000, visit: "visit@2000", view: "id-1", path: "/", item: "beds", category: "food", properties: { a: 1 },
  });
});

test("a new view ends the one before it, which reports under its own name", () => {
  tracker.on("end", () => tracker.report("dwell", "dwell-1", 12.5));
  tracker.open();
  now = 9000;
  tracker.open();
  const [, dwell, second] = queue.events;
  assert.deepEqual([dwell.id, dwell.view, dwell.path, dwell.at, dwell.visit], ["dwell-1", "id-1", "/", 1000, "visit@1000"]);
  assert.equal(dwell.value, 12.5);
  assert.deepEqual([second.type, second.path, second.at], ["page_view", "/two", 9000]);
  assert.notEqual(second.view, dwell.view);
  assert.deepEqual(extended, [9000]);
});

test("leaving lets collectors report before the queue goes", () => {
  tracker.open();
  tracker.on("leave", () => assert.equal(queue.left, 0));
  tracker.leave();
  assert.equal(queue.left, 1);
});

test("the page's own events: subject lifted, the rest as properties", () => {
  tracker.track("purchase", { item: "spade", content_type: "product", total: 59.9, lines: [1] });
  const [purchase] = queue.events;
  assert.deepEqual([purchase.item, purchase.content_type, purchase.category], ["spade", "product", "gardening"]);
  assert.deepEqual(purchase.properties, { total: 59.9 });
});

test("no type, no event; after the stop, none either", () => {
  tracker.track();
  tracker.track("");
  tracker.stop();
  tracker.track("click");
  tracker.report("dwell", "x", 1);
  assert.deepEqual(queue.events, []);
});
