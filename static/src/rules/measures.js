// What a page can answer by itself: each kind of condition with the type it is compared as and how
// it is read from the facts. null is unknown: nobody told the page.
//
//     {now, request: {path, query, device, …}, signals: {scroll_depth, …}, profile: {name: value},
//      consent: {purpose: "granted"}, gpc}
//
// `request` has the names of PageRequest, `signals` those of Signals (personalization/rules), where ""
// is known to be nothing.
import { instantOf } from "./dates.js";
import { NOT_SET } from "./operators.js";
import { versionOf } from "./versions.js";

const NUMBER = /^[+-]?[0-9]{1,15}(?:\.[0-9]{1,15})?$/;

const own = (object, name) => (object && Object.hasOwn(object, name) ? object[name] : null) ?? null;
const typed = (type) => (value) => (typeof value === type ? value : null);
const asNumber = typed("number");
const asText = (value) => (value === "" ? NOT_SET : typed("string")(value));
const asList = (value) => (Array.isArray(value) ? value : null);
const yesNo = (value) => (typeof value === "boolean" ? (value ? "yes" : "no") : null);

const request = (name) => ({ request: said }) => asText(own(said, name));
const signal = (name) => ({ signals }) => asNumber(own(signals, name));
const parameter = ({ request: said }, name) => {
  const query = own(said, "query");
  if (query === null) return null;
  return Object.hasOwn(query, name) ? typed("string")(query[name]) : NOT_SET;
};
const query = (facts, { name }) => parameter(facts, name);
/** A parameter read as another type; unknown where it is none of that type. */
const typedQuery = (read) => (facts, leaf) => {
  const text = query(facts, leaf);
  return typeof text === "string" ? read(text, leaf) : text;
};
const version = (text) => (typeof text === "string" ? versionOf(text) : text);

const all = (type, names, read) => Object.fromEntries(names.split(" ").map((name) => [name, [type, read(name)]]));

/** Compared by being the same as `value`. */
const SAME = "same";

export const MEASURES = {
  ...all("text", "path page_type language locale", request),
  ...all(SAME, "page_category medium device browser viewport authenticated bot", request),
  ...all("number", "time_on_page active_time idle_time scroll_depth repeated_clicks cart_value", signal),
  referrer: ["text", request("referrer_host")],
  page_tags: ["collection", ({ request: said }) => asList(own(said, "page_tags"))],
  role: ["collection", ({ request: said }) => asList(own(said, "roles"))],
  query: ["text", query],
  query_number: ["number", typedQuery((text) => (NUMBER.test(text) ? +text : null))],
  query_date: ["date", typedQuery((text, { zone }) => instantOf(text, zone))],
  query_version: ["version", typedQuery(versionOf)],
  utm: ["text", (facts, { part }) => parameter(facts, `utm_${part}`)],
  browser_version: ["version", (facts) => version(request("browser_version")(facts))],
  date_time: ["date", ({ now }) => asNumber(now)],
  consent: [SAME, ({ consent }, { purpose }) => (consent ? own(consent, purpose) ?? "not_asked" : null)],
  gpc: [SAME, ({ gpc }) => ({ yes: "on", no: "off" })[yesNo(gpc)] ?? null],
  exit_intent: [SAME, ({ signals }) => yesNo(own(signals, "exit_intent"))],
  element_seen: [SAME, ({ signals }, { element }) => yesNo(asList(own(signals, "seen"))?.includes(element))],
  element_clicks: ["number", ({ signals }, { element }) => {
    const clicks = own(signals, "clicks");
    return clicks && (own(clicks, element) ?? 0);
  }],
  given_text: ["text", ({ profile }, { name }) => asText(own(profile, name))],
  given_number: ["number", ({ profile }, { name }) => asNumber(own(profile, name))],
};
