import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const MOST = 6 * 1024;

test("the one file a page needs stays small", async () => {
  const bundle = await readFile(new URL("../../static/dist/tracker.js", import.meta.url));
  const size = gzipSync(bundle, { level: 9 }).length;
  assert.ok(size <= MOST, `${size} bytes gzip`);
});

test("it works under a strict Content-Security-Policy", async () => {
  const bundle = await readFile(new URL("../../static/dist/tracker.js", import.meta.url), "utf8");
  assert.doesNotMatch(bundle, /\beval\(|new Function|innerHTML|setAttribute\("style"|https?:\/\/[a-z]/);
});
