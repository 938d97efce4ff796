import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { createTransport, judge, retryDelay } from "../../static/src/tracker/transport.js";

const REAL = { fetch: globalThis.fetch, navigator: Object.getOwnPropertyDescriptor(globalThis, "navigator") };

afterEach(() => {
  globalThis.fetch = REAL.fetch;
  if (REAL.navigator) Object.defineProperty(globalThis, "navigator", REAL.navigator);
  else delete globalThis.navigator;
});

const answering = (status, body, headers) => {
  globalThis.fetch = async () => new Response(body, { status, headers });
};

const setNavigator = (value) => Object.defineProperty(globalThis, "navigator", { value, configurable: true });

for (const [status, reason, verdict] of [
  [202, undefined, "sent"],
  [200, undefined, "sent"],
  [403, "no_consent", "denied"],
  [403, "foreign_origin", "refused"],
  [400, undefined, "refused"],
  [413, undefined, "refused"],
  [422, undefined, "refused"],
  [429, undefined, "later"],
  [500, undefined, "later"],
  [503, undefined, "later"],
  [304, undefined, "later"],
]) {
  test(`${status} ${reason ?? ""} means ${verdict}`, () => assert.equal(judge(status, reason), verdict));
}

test("Retry-After counts in seconds, an hour at most", () => {
  assert.equal(retryDelay("2"), 2000);
  assert.equal(retryDelay("99999"), 3600_000);
  assert.equal(retryDelay("Fri, 31 Dec 1999 23:59:59 GMT"), 0);
  assert.equal(retryDelay(null), 0);
});

test("a batch is posted so that it survives the page", async () => {
  let asked;
  globalThis.fetch = async (url, options) => {
    asked = { url, ...options };
    return new Response(null, { status: 202 });
  };
  assert.deepEqual(await createTransport("/collect").send("{}"), { verdict: "sent", after: 0 });
  assert.equal(asked.url, "/collect");
  assert.equal(asked.method, "POST");
  assert.equal(asked.keepalive, true);
  assert.equal(asked.headers["Content-Type"], "application/json");
});

test("the reason of a 403 decides", async () => {
  answering(403, '{"reason":"no_consent"}');
  assert.equal((await createTransport("/").send("{}")).verdict, "denied");
  answering(403, "<h1>Forbidden</h1>");
  assert.equal((await createTransport("/").send("{}")).verdict, "refused");
});

test("a busy server says how long to wait", async () => {
  answering(429, "", { "Retry-After": "7" });
  assert.deepEqual(await createTransport("/").send("{}"), { verdict: "later", after: 7000 });
});

test("no network means later", async () => {
  globalThis.fetch = async () => {
    throw new TypeError("Failed to fetch");
  };
  assert.deepEqual(await createTransport("/").send("{}"), { verdict: "later", after: 0 });
});

test("a beacon is plain text", async () => {
  const calls = [];
  setNavigator({ onLine: true, sendBeacon: (...call) => calls.push(call) > 0 });
  assert.equal(createTransport("/collect").beacon('{"events":[]}'), true);
  const [[url, blob]] = calls;
  assert.equal(url, "/collect");
  assert.equal(blob.type, "text/plain");
  assert.equal(await blob.text(), '{"events":[]}');
});

test("a beacon is not trusted offline, and may be missing or full", () => {
  setNavigator({ onLine: false, sendBeacon: () => assert.fail("asked offline") });
  assert.equal(createTransport("/").beacon("{}"), false);
  setNavigator({ onLine: true });
  assert.equal(createTransport("/").beacon("{}"), false);
  setNavigator({ onLine: true, sendBeacon: () => false });
  assert.equal(createTransport("/").beacon("{}"), false);
});
