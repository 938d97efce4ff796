// A rule in plain words, said from the server's definitions; personalization/rule_words.py says
// the same. A node is {condition, values} or {kind, needed, members}.

const MISSING = "…";

function numberWord(text) {
  if (/^-?\d+$/.test(text)) return text;
  const number = Number(text);
  return text.trim() === "" || Number.isNaN(number) ? MISSING : String(Number(number.toPrecision(6)));
}

function word(field, value = "") {
  if (field.is_number) return numberWord(value);
  if (field.before) return value ? field.before + (field.words[value] ?? value) : "";
  if (Object.hasOwn(field.words, value)) return field.words[value];
  return value || (Object.keys(field.words).length ? MISSING : "");
}

function leafSentence({ condition, values }, { conditions }) {
  const described = conditions[condition];
  if (!described) return `${condition} (not there any more)`;
  return described.sentence.replace(/\{(\w+)\}/g, (_, name) =>
    word(described.fields[name], values[name]),
  );
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
