// What changes in the open page when something was granted.
const ENDPOINT = "/api/v1/events";

export function showGranted({ granted, tracker }) {
  const banner = document.querySelector("[data-consent-banner]");
  // Whoever chose by keyboard goes on at the content, not at the top of the page.
  if (banner?.contains(document.activeElement)) {
    document.querySelector("main")?.focus({ preventScroll: true });
  }
  banner?.remove();
  showState(true);
  for (const element of document.querySelectorAll("[data-consent-what]")) {
    const personal = granted.includes("personalization");
    element.textContent = personal ? "Personalization is on" : "Measurement is on";
  }
  startTracker(tracker);
}

// Another tab withdrew: say so here, and become the default page where nobody is looking.
export function showWithdrawn() {
  showState(false);
  if (document.hidden) location.reload();
}

function showState(on) {
  for (const element of document.querySelectorAll("[data-consent-on]")) element.hidden = !on;
  for (const element of document.querySelectorAll("[data-consent-off]")) element.hidden = on;
}

export function showMessage(text) {
  const status = document.querySelector("[data-consent-status]");
  if (status) status.textContent = text;
}

function startTracker(source) {
  if (document.querySelector("script[data-attune-endpoint]")) return;
  const script = document.createElement("script");
  script.src = source;
  script.dataset.attuneEndpoint = ENDPOINT;
  document.head.append(script);
}
