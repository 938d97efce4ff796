// Texts as personalization/rules/operators/texts.py compares them: composed (NFC) and, unless case
// matters, folded. `fold` is Unicode's full case folding; what case mapping alone gets wrong is
// dotless ı, which stays, and Cherokee, which folds to capitals.

const UNLIKE = /[ıᎠ-Ᏽᏸ-ᏽꭰ-ꮿ]/;
const PARTS = /[ıᎠ-Ᏽᏸ-ᏽꭰ-ꮿ]|[^ıᎠ-Ᏽᏸ-ᏽꭰ-ꮿ]+/g;

export const compose = (text) => text.normalize("NFC");

const foldPart = (part) => {
  if (part === "ı") return part;
  if (UNLIKE.test(part)) return part.toUpperCase();
  return part.toLowerCase().toUpperCase().toLowerCase().replace(/ς/g, "σ");
};

export const fold = (text) => compose(compose(text).replace(PARTS, foldPart));

/** Code points, not halves of them. */
export const length = (text) => [...text].length;

/** `*` is any text, `?` any one code point. Goes back to the latest star only: at most as many steps
 *  as text and pattern multiplied. */
export function matches(text, pattern) {
  const from = [...text];
  const wanted = [...pattern];
  let at = 0;
  let place = 0;
  let star = -1;
  let resume = 0;
  while (at < from.length) {
    if (wanted[place] === "*") {
      star = place++;
      resume = at;
    } else if (wanted[place] === "?" || wanted[place] === from[at]) {
      at++;
      place++;
    } else if (star >= 0) {
      place = star + 1;
      at = ++resume;
    } else return false;
  }
  while (wanted[place] === "*") place++;
  return place === wanted.length;
}
