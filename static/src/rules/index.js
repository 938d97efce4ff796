// A rule answered in the page: true, false, or null for unknown (docs/rules.md). The same rule, the
// same facts, the same answer as personalization/rules gives; the tests compare the two.
//
// A rule is JSON as it is stored, with every field of a condition given. What the server has answered
// already stands in it as true, false or null. What never gets in: the document, clocks, storage.
import { MEASURES } from "./measures.js";
import { NOT_SET, OPERATORS, PRESENCE } from "./operators.js";

const GROUPS = ["all", "any", "none", "not", "of"];

function conditionAnswer(leaf, facts) {
  if (!Object.hasOwn(MEASURES, leaf.condition)) return null;
  const [type, read] = MEASURES[leaf.condition];
  const measured = read(facts, leaf);
  if (Object.hasOwn(PRESENCE, leaf.operator ?? "")) return PRESENCE[leaf.operator](measured);
  if (measured === null || measured === NOT_SET) return null;
  if (!OPERATORS[type]) return measured === (leaf.value ?? leaf.category);
  if (!Object.hasOwn(OPERATORS[type], leaf.operator) || (type === "date" && typeof facts.now !== "number")) return null;
  return OPERATORS[type][leaf.operator](measured, leaf, facts.now);
}

/** Every group asks for so many true members, and says or denies that there are as many. */
function groupAnswer(rule, facts) {
  const kind = GROUPS.find((name) => Object.hasOwn(rule, name));
  if (!kind) return null;
  const answers = [].concat(rule[kind]).map((member) => ruleAnswer(member, facts));
  const count = (wanted) => answers.filter((answer) => answer === wanted).length;
  const needed = { all: answers.length, of: rule.at_least }[kind] ?? 1;
  const isNegated = kind === "none" || kind === "not";
  if (count(true) >= needed) return !isNegated;
  return count(true) + count(null) >= needed ? null : isNegated;
}

/** What cannot be asked here, as in a zone that the browser does not know, is unknown. */
export function ruleAnswer(rule, facts) {
  if (typeof rule !== "object" || rule === null) return rule;
  if (!Object.hasOwn(rule, "condition")) return groupAnswer(rule, facts);
  try {
    return conditionAnswer(rule, facts);
  } catch {
    return null;
  }
}
