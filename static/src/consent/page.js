// What changes in the open page when something was granted.
const ENDPOINT = "/api/v1/events";

export function showGranted({ granted, tracker }) {
  document.querySelector("[data-consent-banner]")?.remove();
  for (const element of document.querySelectorAll("[data-consent-on]")) element.hidden = false;
  for (const element of document.querySelectorAll("[data-consent-off]")) element.hidden = true;
  for (const element of document.querySelectorAll("[data-consent-what]")) {
    const personal = granted.includes("personalization");
    element.textContent = personal ? "Personalization is on" : "Measurement is on";
  }
  startTracker(tracker);
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
