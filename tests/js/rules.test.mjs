import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { ruleAnswer } from "../../static/src/rules/index.js";
import { fold } from "../../static/src/rules/texts.js";
import { viewportOf } from "../../static/src/rules/viewport.js";

const CORPUS = new URL("../personalization/corpus/", import.meta.url);
const SOURCE = new URL("../../static/src/rules/index.js", import.meta.url);
const MOST = 4 * 1024;

for (const file of readdirSync(CORPUS).filter((name) => name.endsWith(".json"))) {
  const cases = JSON.parse(readFileSync(new URL(file, CORPUS), "utf8"));
  test(`the browser agrees with the corpus: ${file}`, () => {
    for (const { why, rule, facts, answer, readers } of cases) {
      if (readers.includes("browser")) assert.equal(ruleAnswer(rule, facts), answer, why);
    }
  });
}

const PHONE = { condition: "device", value: "phone" };

test("what the server has answered already stands in the rule", () => {
  for (const answer of [true, false, null]) {
    assert.equal(ruleAnswer(answer, {}), answer);
    assert.equal(ruleAnswer({ not: answer }, {}), answer === null ? null : !answer);
  }
  assert.equal(ruleAnswer({ at_least: 2, of: [null, true, false] }, {}), null);
  assert.equal(ruleAnswer({ all: [null, PHONE] }, { request: { device: "desktop" } }), false);
});

test("what the page cannot know is unknown, and nothing is thrown", () => {
  const facts = { now: 1e9, request: { path: "/", query: { x: "2026-01-01" } }, signals: { seen: "all" } };
  const odd = [
    { condition: "affinity", category: "a", horizon: "long", operator: ">=", value: 0 },
    { condition: "toString" },
    { condition: "path", operator: "resembles", value: "/" },
    { condition: "path", operator: "toString" },
    { some: [PHONE] },
    {},
    { condition: "date_time", operator: "weekday", weekdays: ["mon"], zone: "Mars/Olympus" },
    { condition: "query_date", name: "x", operator: "before", moment: "2026-02-01T00:00", zone: "Mars/Olympus" },
    { condition: "element_seen", element: "all", value: "yes" },
  ];
  for (const rule of odd) assert.equal(ruleAnswer(rule, facts), null, JSON.stringify(rule));
});

test("without a moment no date is compared", () => {
  const rule = { condition: "query_date", name: "x", operator: "more_than_ago", amount: 1, unit: "days", zone: "UTC" };
  assert.equal(ruleAnswer(rule, { request: { query: { x: "2020-01-01" } } }), null);
});

test("the worst pattern over a long text ends soon", () => {
  const rule = { condition: "path", operator: "matches", pattern: "*a".repeat(49) + "b", match_case: false };
  const began = process.cpuUsage().user;
  assert.equal(ruleAnswer(rule, { request: { path: "/" + "a".repeat(1000) } }), false);
  assert.ok(process.cpuUsage().user - began < 1e6, "a second of work");
});

test("folding stays within the letters it knows", () => {
  assert.equal(fold("ı"), "ı");
  assert.equal(fold("ꭰᏸ"), "ᎠᏰ");
  assert.equal(fold("ΟΔΟΣ ς"), "οδοσ σ");
});

test("widths have three classes", () => {
  assert.deepEqual([0, 599, 600, 1023, 1024].map(viewportOf), ["narrow", "narrow", "medium", "medium", "wide"]);
});

test("the whole reader stays small", async () => {
  const options = { entryPoints: [fileURLToPath(SOURCE)], bundle: true, minify: true, format: "esm", target: "es2020", charset: "utf8" };
  const { outputFiles } = await build({ ...options, write: false });
  const size = gzipSync(outputFiles[0].contents, { level: 9 }).length;
  assert.ok(size <= MOST, `${size} bytes gzip`);
});
