import { listen } from "../page.js";

/**
 * A click that gives its campaign a pause is told at once, so that the next page knows. The event
 * itself is the other collector's.
 */
export function pauses() {
  return listen(document, "click auxclick", ({ button, target }) => {
    const slot = target.closest("[data-pause-click]");
    if (button > 1 || !slot || !target.closest("a, [data-track]") || target.closest("[data-slot-tools]")) return;
    const campaign = slot.dataset.attuneCampaign;
    navigator.sendBeacon?.(slot.dataset.pauseClick, new URLSearchParams({ campaign, outcome: "click" }));
  });
}
