// A rule in plain words, said from the server's definitions; personalization/rule_words.py says
// the same. A node is {condition, values} or {kind, needed, members}.
import { numberWord, partWords, readable } from "./parts.js";

const MISSING = "…";
const PARTED = new Set(["where", "window", "event_field"]);
const TIMED = new Set(["date", "moment", "time", "zone", "version"]);
/** {name} is a field's word, {name#} its bare number, {name&} a list joined by "and". */
const PLACE = /\{(\w+)([#&]?)\}/g;

const plain = (field, value = "") => (field.is_number ? numberWord(value) : value);

function joined(words, joint) {
  return [words.slice(0, -1).join(", "), ...words.slice(-1)].filter(Boolean).join(` ${joint} `) || MISSING;
}

const oneOf = (field, value) => (field.type === "texts" ? `“${value}”` : field.words[value]);

function word(field, given, form) {
  if (Array.isArray(given)) return joined(given.map((one) => oneOf(field, one)), form === "&" ? "and" : "or");
  if (field.type === "flag") return field.said[given ? 0 : 1];
  const value = plain(field, given);
  if (TIMED.has(field.type)) return (field.type === "moment" ? value.replace("T", " ") : value) || MISSING;
  if (field.said && form !== "#") return value === "1" ? field.said[0] : field.said[1].replace("{}", () => value);
  if (field.is_number) return value;
  if (Object.hasOwn(field.words, value)) return field.before + field.words[value];
  if (!value) return field.before || !Object.keys(field.words).length ? "" : MISSING;
  if (field.is_category) return field.before + readable(value);
  if (field.type === "campaign") return `campaign ${value}`;
  if (field.type === "segment") return readable(value);
  return field.is_event_type ? value.replaceAll("_", " ") : value;
}

function leafSentence({ condition, values }, { conditions, parts }) {
  const described = conditions[condition];
  if (!described) return `${condition} (not there any more)`;
  const { fields, instead, operators } = described;
  const agrees = ([wanted]) =>
    Object.entries(wanted).every(([name, value]) => fields[name] && plain(fields[name], values[name]) === value);
  const sentence = instead.find(agrees)?.[1] ?? described.sentence;
  const said = (_, name, form) => {
    if (name === "test" && Object.hasOwn(operators, values.operator)) {
      return operators[values.operator].replace(PLACE, said);
    }
    const field = fields[name];
    return PARTED.has(field.type) ? partWords(field.type, name, values, parts) : word(field, values[name], form);
  };
  return sentence.replace(PLACE, said);
}

function inner(node, definitions) {
  const said = sentence(node, definitions);
  const isPlain = !node.members || (node.kind in definitions.joined && node.members.length === 1);
  return isPlain ? said : `(${said})`;
}

function sentence(node, definitions) {
  if (!node.members) return leafSentence(node, definitions);
  const parts = node.members.map((member) => inner(member, definitions));
  const joint = definitions.joined[node.kind];
  if (joint) return parts.join(joint) || MISSING;
  if (definitions.negated.includes(node.kind) && parts.length === 1) {
    return definitions.negation + parts[0];
  }
  const counted = definitions.counted[node.kind].replace("{needed}", () => node.needed || MISSING);
  return counted + (parts.join("; ") || MISSING);
}

/** The whole rule as one sentence with its full stop. */
export function ruleSentence(rule, definitions) {
  if (!rule.members.length) return definitions.empty;
  const said = sentence(rule, definitions);
  return `${said[0].toUpperCase()}${said.slice(1)}.`;
}
