import assert from "node:assert/strict";
import { test } from "node:test";
import { createStorage } from "../../static/src/tracker/storage.js";
import { FakeStorage, blockedStorage } from "./fakes.mjs";

test("values go in and out under the prefix", () => {
  const box = new FakeStorage();
  const storage = createStorage(() => box);
  assert.equal(storage.write("visit", { id: 1 }), true);
  assert.deepEqual(storage.read("visit"), { id: 1 });
  assert.deepEqual(Object.keys(box), ["attune.visit"]);
});

test("clearing leaves what belongs to the site", () => {
  const box = new FakeStorage();
  box.setItem("shop.basket", "1");
  box.setItem("attune.queue.a", "[]");
  const storage = createStorage(() => box);
  storage.write("visit", 1);
  assert.deepEqual(storage.names("queue."), ["queue.a"]);
  storage.clear();
  assert.deepEqual(Object.keys(box), ["shop.basket"]);
});

test("blocked storage never throws", () => {
  const storage = createStorage(blockedStorage);
  assert.ok(!storage.write("visit", 1));
  assert.ok(!storage.read("visit"));
  assert.deepEqual(storage.names(""), []);
  storage.remove("visit");
  storage.clear();
});

test("full storage never throws", () => {
  const box = new FakeStorage();
  box.setItem = blockedStorage;
  assert.ok(!createStorage(() => box).write("visit", 1));
});
