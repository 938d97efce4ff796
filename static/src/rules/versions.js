// Versions in the order of semantic versioning, as personalization/rules/versions.py has them.

const NUMBER = "(?:0|[1-9][0-9]{0,8})";
const WORDS = "[0-9A-Za-z-]{1,20}(?:\\.[0-9A-Za-z-]{1,20})*";
const VERSION = new RegExp(`^(${NUMBER}(?:\\.${NUMBER}){0,3})(?:-(${WORDS}))?(?:\\+${WORDS})?$`);

export const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

/** [numbers, words before the release]; null for what is no version. */
export function versionOf(text) {
  const [, numbers, before] = (text.length <= 40 && VERSION.exec(text)) || [];
  return numbers ? [numbers.split(".").map(Number), before ? before.split(".") : []] : null;
}

const isNumber = (word) => /^[0-9]+$/.test(word);

function wordOrder(a, b) {
  if (isNumber(a) && isNumber(b)) return order(BigInt(a), BigInt(b));
  return isNumber(a) ? -1 : isNumber(b) ? 1 : order(a, b);
}

/** Below 0, 0 or above 0: what comes before a release, then the words one by one, then more of them. */
export function versionOrder([numbers, before], [others, otherBefore]) {
  for (let i = 0; i < 3; i++) {
    const found = order(numbers[i] ?? 0, others[i] ?? 0);
    if (found) return found;
  }
  if (!before.length || !otherBefore.length) return order(!before.length, !otherBefore.length);
  for (let i = 0; i < Math.min(before.length, otherBefore.length); i++) {
    const found = wordOrder(before[i], otherBefore[i]);
    if (found) return found;
  }
  return order(before.length, otherBefore.length);
}
