const MOST_PROPERTIES = 20;
const MOST_CLASSES = 8;
/** As in `tracking/pipeline/enrich.py`, which knows what each means. */
const CLICK_ID =
  /^(gclid|gbraid|wbraid|dclid|gad_source|msclkid|ttclid|twclid|li_fat_id|rdt_cid|sccid|epik|yclid|irclid|fbclid|igshid|mc_cid|mc_eid|_kx)$/;
const SUBJECT = ["item", "category", "content_type"];

/** At most `length` characters, never half of a surrogate pair; undefined for nothing. */
export const cut = (value, length = 200) =>
  String(value ?? "").slice(0, length).replace(/[\ud800-\udbff]$/, "") || undefined;

/** The first 20 scalars of an object, strings cut: the only properties an event may have. */
export function flatten(object) {
  const entries = Object.entries(object ?? {})
    .map(([name, value]) => [cut(name, 64), typeof value === "string" ? cut(value) : value])
    .filter(([, value]) => /^(st|bo)/.test(typeof value) || Number.isFinite(value));
  return Object.fromEntries(entries.slice(0, MOST_PROPERTIES));
}

/** Of a landing page's query: the campaign's own words, and which kind of click id; nothing else. */
export function readCampaign(query) {
  const campaign = {};
  for (const [name, value] of new URLSearchParams(query)) {
    if (/^utm_(source|medium|campaign|term|content|id)$/.test(name)) campaign[name] = value;
    if (CLICK_ID.test(name)) campaign.click_id = name;
  }
  return campaign;
}

/** What the page (`data-attune-item` …) or an element (`data-item` …) says it is about. */
export function readSubject(element, prefix = "data-") {
  const subject = {};
  for (const name of SUBJECT) {
    const value = cut(element.getAttribute(prefix + name.replace("_", "-")));
    if (value) subject[name] = value;
  }
  return subject;
}

/** With the prefix `data-track-`, `data-track-list-name="x"` → `{list_name: "x"}`. */
export function readProperties({ attributes }, prefix) {
  const properties = {};
  for (const { name, value } of attributes) {
    if (name.startsWith(prefix)) properties[name.slice(prefix.length).replace(/-/g, "_")] = value;
  }
  return properties;
}

/** Of a personalized slot: `{slot, campaign, variant, version}`, ids as numbers. */
export function readPlacement(slot) {
  const placement = readProperties(slot, "data-attune-");
  for (const name in placement) placement[name] = +placement[name] || placement[name];
  return placement;
}

/** Read from attributes, not DOM properties: in a form, a field named `id` hides the form's own. */
const describe = (element) => ({
  id: cut(element.getAttribute("id")),
  classes: (element.getAttribute("class") ?? "").match(/\S+/g)?.slice(0, MOST_CLASSES).map((name) => cut(name)),
  section: cut(element.closest("[data-section]")?.dataset.section),
});

/** The fields that an event at this element carries. */
export const elementFields = (element, properties) => ({
  ...readSubject(element),
  element: describe(element),
  properties: flatten({ ...readProperties(element, "data-track-"), ...properties }),
});
