/** What a slot shows. Words are set as text, so nothing in them is markup; addresses are http(s). */
const SHOWN = "data-attune-shown";
const PLACEMENT = ["campaign", "variant", "version"];
const ADDRESS = /^https?:\/\//;

const originals = new WeakMap();

const make = (name, fields = {}, children = []) => {
  const element = Object.assign(document.createElement(name), fields);
  element.append(...children.filter(Boolean));
  return element;
};

const link = (url, text, fields) => {
  const element = make("a", { textContent: text, ...fields });
  if (ADDRESS.test(url)) element.href = url;
  element.setAttribute("data-track", "");
  return element;
};

const item = ({ url, title, slug, category, content_type }) => {
  const anchor = link(url, title, { className: "attune-item" });
  anchor.setAttribute("data-item", slug);
  anchor.setAttribute("data-category", category);
  anchor.setAttribute("data-content-type", content_type);
  return make("li", {}, [anchor]);
};

const why = (reasons, preferences) =>
  make("details", { className: "attune-why" }, [
    make("summary", { textContent: "Why am I seeing this?" }),
    make("ul", {}, reasons.map((reason) => make("li", { textContent: reason }))),
    make("a", { href: preferences, textContent: "Change what may be used, or turn it off" }),
  ]);

/** The markup of a decision; class names are for the site's own style sheet. */
export function build({ content, reasons }, preferences) {
  const { eyebrow, headline, text, image, button, items } = content;
  return make("div", { className: "attune-content" }, [
    ADDRESS.test(image) && make("img", { className: "attune-image", src: image, alt: "" }),
    eyebrow && make("p", { className: "attune-eyebrow", textContent: eyebrow }),
    make("h2", { className: "attune-headline", textContent: headline }),
    text && make("p", { className: "attune-text", textContent: text }),
    items.length > 0 && make("ul", { className: "attune-items" }, items.map(item)),
    button && link(button.url, button.label || "See more", { className: "attune-button" }),
    why(reasons, preferences),
  ]);
}

/** Show a campaign's content. The slot gets no lower than it was, so nothing below moves up. */
export function show(slot, decision, preferences) {
  const { exposure } = decision;
  if (!originals.has(slot)) originals.set(slot, [...slot.childNodes]);
  if (!slot.hasAttribute(SHOWN)) slot.style.minHeight = getComputedStyle(slot).height;
  // A site that draws for itself says so by preventDefault; what is reported stays ours.
  if (announce(slot, "attune:decision", decision)) slot.replaceChildren(build(decision, preferences));
  slot.setAttribute(SHOWN, "");
  for (const name of PLACEMENT) slot.setAttribute(`data-attune-${name}`, exposure.properties[name]);
}

/** Put back what the page itself had there. */
export function restore(slot) {
  if (!slot.hasAttribute(SHOWN)) return;
  if (announce(slot, "attune:default")) slot.replaceChildren(...originals.get(slot));
  unmark(slot);
  slot.removeAttribute(SHOWN);
  slot.style.minHeight = "";
}

/** What is still shown is no answer for the page that comes: it is not reported again. */
export const unmark = (slot) => PLACEMENT.forEach((name) => slot.removeAttribute(`data-attune-${name}`));

const announce = (slot, name, detail) =>
  slot.dispatchEvent(new CustomEvent(name, { bubbles: true, cancelable: true, detail }));
