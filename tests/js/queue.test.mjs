import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { backoff, createQueue, newest, nextBatch } from "../../static/src/tracker/queue.js";
import { createStorage } from "../../static/src/tracker/storage.js";
import { FakeStorage, fakeLocks, fakeTransport, settle } from "./fakes.mjs";

const LATER = { verdict: "later", after: 0 };
const SENT = { verdict: "sent", after: 0 };

let box;
let locks;
let transport;
let denials;

beforeEach(() => {
  mock.timers.reset();
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_763_800_000_000 });
  box = new FakeStorage();
  locks = fakeLocks();
  transport = fakeTransport();
  denials = 0;
});

const open = (page = "a", more = {}) =>
  createQueue({
    transport,
    locks,
    page,
    storage: createStorage(() => box),
    onDenied: () => (denials += 1),
    random: () => 0,
    ...more,
  });

const pass = async (milliseconds) => {
  mock.timers.tick(milliseconds);
  await settle();
};

const event = (id, more) => ({ id, type: "click", ...more });
const add = (queue, count, start = 0) => {
  for (let i = start; i < start + count; i += 1) queue.add(event(i));
};
const ids = (batches) => batches.flat().map(({ id }) => id);
const range = (end, start = 0) => Array.from({ length: end - start }, (_, i) => start + i);

test("events go 250 ms after the first of them, together", async () => {
  const queue = open();
  queue.add(event(1));
  await pass(200);
  queue.add(event(2));
  await pass(49);
  assert.deepEqual(transport.sent, []);
  await pass(1);
  assert.deepEqual(transport.sent.map(ids.bind(null)), [[1, 2]]);
});

test("20 events go at once, a burst in few requests", async () => {
  const queue = open();
  add(queue, 200);
  await pass(0);
  await pass(0);
  assert.deepEqual(transport.sent.map((batch) => batch.length), [100, 100]);
  assert.deepEqual(ids(transport.sent), range(200));
});

test("a later report of the same thing replaces the waiting one", async () => {
  const queue = open();
  queue.add(event("dwell", { value: 1 }));
  queue.add(event("dwell", { value: 2 }));
  await pass(250);
  assert.deepEqual(transport.sent, [[event("dwell", { value: 2 })]]);
});

test("a failed batch is tried again, in order, until it goes through", async () => {
  transport.next = LATER;
  const queue = open();
  add(queue, 3);
  await pass(250);
  queue.add(event(3));
  await pass(999);
  assert.equal(transport.sent.length, 1, "waits a second");
  await pass(1);
  await pass(1999);
  assert.equal(transport.sent.length, 2, "then two");
  transport.next = SENT;
  await pass(1);
  assert.deepEqual(ids(transport.sent.slice(-1)), [0, 1, 2, 3]);
  await pass(60_000);
  assert.equal(transport.sent.length, 3);
});

test("a failed report does not come back beside a newer one", async () => {
  transport.next = LATER;
  const queue = open();
  queue.add(event("dwell", { value: 1 }));
  mock.timers.tick(250);
  queue.add(event("dwell", { value: 2 }));
  await settle();
  await pass(1000);
  assert.deepEqual(transport.sent[1], [event("dwell", { value: 2 })]);
});

test("the server's wish to wait wins over the back-off", async () => {
  transport.next = { verdict: "later", after: 30_000 };
  const queue = open();
  add(queue, 1);
  await pass(250);
  await pass(29_999);
  assert.equal(transport.sent.length, 1);
  await pass(1);
  assert.equal(transport.sent.length, 2);
});

test("a refused batch is dropped and the next one goes", async () => {
  transport.next = { verdict: "refused", after: 0 };
  const queue = open();
  add(queue, 1);
  await pass(250);
  await pass(60_000);
  assert.equal(transport.sent.length, 1);
  queue.add(event(7));
  await pass(250);
  assert.deepEqual(ids(transport.sent), [0, 7]);
});

test("what failed is kept in storage until it went through", async () => {
  transport.next = LATER;
  const queue = open();
  add(queue, 2);
  await pass(250);
  assert.deepEqual(JSON.parse(box["attune.queue.a"]).map(({ id }) => id), [0, 1]);
  transport.next = SENT;
  await pass(1000);
  assert.deepEqual(Object.keys(box), []);
});

test("at most 200 wait, the oldest give way", async () => {
  transport.next = LATER;
  const queue = open();
  add(queue, 100);
  await pass(250);
  add(queue, 150, 100);
  await pass(1000);
  const kept = JSON.parse(box["attune.queue.a"]).map(({ id }) => id);
  assert.deepEqual(kept, range(250, 50));
});

test("leaving sends by beacon what still waits", async () => {
  const queue = open();
  add(queue, 3);
  queue.leave();
  assert.deepEqual(ids(transport.beaconed), [0, 1, 2]);
  assert.deepEqual(Object.keys(box), []);
  await pass(1000);
  assert.deepEqual(transport.sent, []);
});

test("a beacon that is not taken leaves the events in storage, and in memory", async () => {
  transport.takesBeacons = false;
  const queue = open();
  add(queue, 3);
  queue.leave();
  assert.equal(JSON.parse(box["attune.queue.a"]).length, 3);
  await pass(250);
  assert.deepEqual(ids(transport.sent), [0, 1, 2]);
  assert.deepEqual(Object.keys(box), []);
});

test("while the server is in trouble, leaving spares it the beacon", async () => {
  transport.next = LATER;
  const queue = open();
  add(queue, 1);
  await pass(250);
  queue.add(event(1));
  queue.leave();
  assert.deepEqual(transport.beaconed, []);
  assert.equal(JSON.parse(box["attune.queue.a"]).length, 2);
});

test("a denial is told and nothing more is sent", async () => {
  transport.next = { verdict: "denied", after: 0 };
  const queue = open("a", {
    onDenied() {
      denials += 1;
      queue.stop();
    },
  });
  add(queue, 1);
  await pass(250);
  add(queue, 5);
  await pass(60_000);
  queue.leave();
  assert.equal(denials, 1);
  assert.equal(transport.sent.length, 1);
  assert.deepEqual([transport.beaconed, Object.keys(box)], [[], []]);
});

test("an answer that comes after the stop stores nothing", async () => {
  transport.next = LATER;
  const queue = open();
  add(queue, 1);
  mock.timers.tick(250);
  queue.stop();
  await settle();
  assert.deepEqual(Object.keys(box), []);
});

test("a page adopts what a dead one left", async () => {
  box["attune.queue.dead"] = JSON.stringify([event("left")]);
  const queue = open("b");
  queue.add(event("new"));
  queue.retry();
  await settle();
  await pass(0);
  assert.deepEqual(ids(transport.sent), ["left", "new"]);
  assert.deepEqual(Object.keys(box), []);
});

test("a living page keeps its queue; it is adopted once the page is gone", async () => {
  transport.next = LATER;
  const first = open("a");
  first.add(event("own"));
  await pass(250);
  const second = open("b");
  second.retry();
  await settle();
  assert.deepEqual(Object.keys(box), ["attune.queue.a"]);
  first.suspend();
  await settle();
  assert.deepEqual(Object.keys(box), []);
});

test("back from the cache, a page drops what another has adopted", async () => {
  transport.next = LATER;
  const first = open("a");
  first.add(event("own"));
  await pass(250);
  first.suspend();
  delete box["attune.queue.a"];
  first.resume();
  transport.next = SENT;
  await pass(60_000);
  assert.equal(transport.sent.length, 1);
});

test("without locks orphans are adopted all the same", async () => {
  box["attune.queue.dead"] = JSON.stringify([event("left")]);
  open("b", { locks: undefined }).retry();
  await pass(0);
  assert.deepEqual(ids(transport.sent), ["left"]);
});

test("a batch has at most 100 events and 60,000 bytes", () => {
  assert.equal(nextBatch(range(150).map((id) => event(id)), 5).count, 100);
  const wide = range(100).map((id) => event(id, { properties: { text: "€".repeat(400) } }));
  const { count, body } = nextBatch(wide, 5);
  const size = Buffer.byteLength(body);
  assert.ok(size <= 60_000 && size > 55_000, `${size}`);
  assert.deepEqual(JSON.parse(body), { sent_at: 5, events: wide.slice(0, count) });
});

test("storage is bounded in characters too", () => {
  const wide = range(200).map((id) => event(id, { text: "x".repeat(1000) }));
  const kept = newest(wide);
  assert.ok(JSON.stringify(kept).length <= 100_000);
  assert.ok(kept.length > 80);
  assert.equal(kept.at(-1).id, 199);
});

test("the back-off doubles to a minute, with jitter below", () => {
  assert.deepEqual([1, 2, 3, 20].map((failures) => backoff(failures, 0)), [1000, 2000, 4000, 60_000]);
  assert.equal(backoff(1, 1), 500);
});
