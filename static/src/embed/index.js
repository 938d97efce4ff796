// Slots on other sites: asks what the visitor decided, then, and only after a grant, what each slot
// shows; loads the tracker, which reports exposures. On any failure the page keeps its defaults.
import { onAddressChange } from "../tracker/address.js";
import { guard, isVisible, listen, soon } from "../tracker/page.js";
import { restore, show, unmark } from "./render.js";
import { createServer } from "./server.js";

const SLOT = "[data-attune-slot]";
const PURPOSE = "personalization";
const script = document.currentScript;
const origin = new URL(script?.src ?? location.href).origin;
const server = createServer(origin);

const slots = () => [...document.querySelectorAll(SLOT)];
const address = () => location.pathname + location.search;

let state = null;
let turn = 0;
let asking;
let asked = new Set();
let place;

function askAnew() {
  asking?.abort();
  asking = undefined;
  asked = new Set();
}

function forget() {
  askAnew();
  slots().forEach(guard(restore));
}

function trackerStart(source) {
  if (!source || document.querySelector("script[data-attune-endpoint]")) return;
  const tracker = document.createElement("script");
  tracker.src = source;
  tracker.dataset.attuneEndpoint = `${origin}/api/v1/events`;
  document.head.append(tracker);
}

function trackerStop() {
  document.dispatchEvent(new CustomEvent("attune:withdraw"));
  document.querySelector("script[data-attune-endpoint]")?.remove();
}

/**
 * What the visitor decided. What was never known is no consent; a network that is away later is no
 * withdrawal, and the server judges every request anyway.
 */
async function consentRead() {
  const before = state;
  const mine = ++turn;
  const answer = await server.consent().catch(() => before);
  if (mine !== turn) return; // asked again meanwhile
  state = answer;
  if (before?.tracker && !state?.tracker) trackerStop();
  if (state?.granted.includes(PURPOSE)) decideSoon.ask();
  else forget();
  trackerStart(state?.tracker);
}

/** Ask for all slots that are there now; an answer that comes too late is not shown. */
async function decide() {
  if (!state?.granted.includes(PURPOSE)) return;
  const waiting = slots().filter((slot) => !asked.has(slot));
  if (!waiting.length) return;
  waiting.forEach((slot) => asked.add(slot));
  asking ??= new AbortController();
  const { signal } = asking;
  const keys = [...new Set(waiting.map((slot) => slot.dataset.attuneSlot))];
  const decisions = await server.decide(keys, signal).catch(() => ({}));
  if (signal.aborted) return;
  for (const slot of waiting) {
    const decision = decisions[slot.dataset.attuneSlot];
    guard(() => (decision?.exposure ? show(slot, decision, state.preferences) : restore(slot)))();
  }
}

const decideSoon = soon(decide);

/** Another page of a single-page site: everything is asked anew. */
function moved() {
  if (address() === place) return;
  place = address();
  askAnew();
  slots().forEach(guard(unmark));
  decideSoon.ask();
}

function start() {
  if (window.attuneEmbed) return; // included twice
  place = address();
  window.attuneEmbed = { refresh: guard(consentRead) };
  onAddressChange(() => queueMicrotask(guard(moved)));
  // Whoever comes back may have chosen elsewhere meanwhile.
  listen(document, "visibilitychange", () => isVisible() && consentRead());
  listen(window, "pageshow", ({ persisted }) => persisted && consentRead());
  new MutationObserver(guard(() => slots().some((slot) => !asked.has(slot)) && decideSoon.ask())).observe(document.body, { subtree: true, childList: true });
  consentRead();
}

if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", guard(start));
else guard(start)();
