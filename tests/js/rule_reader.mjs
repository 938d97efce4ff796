// Answers a pair [rule, facts] a line, for tests that compare it with Python's reader. The first line
// it writes names the conditions that it knows.
import { createInterface } from "node:readline";
import { ruleAnswer } from "../../static/src/rules/index.js";
import { MEASURES } from "../../static/src/rules/measures.js";

console.log(JSON.stringify(Object.keys(MEASURES)));
for await (const line of createInterface({ input: process.stdin })) {
  const [rule, facts] = JSON.parse(line);
  console.log(JSON.stringify(ruleAnswer(rule, facts)));
}
