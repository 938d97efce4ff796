import { elementFields, readSlot } from "../context.js";
import { listen } from "../page.js";

/**
 * One listener for every `[data-track]`, also for those that come later. The keyboard clicks too;
 * `auxclick` is the middle button. Forms and media have collectors of their own. In a personalized
 * slot the event says in which, and of which campaign.
 */
export function clicks(tracker) {
  return listen(document, "click auxclick", ({ button, target }) => {
    const element = target.closest("[data-track]");
    if (button > 1 || !element || element.matches("form, video, audio")) return;
    const slot = element.closest("[data-attune-campaign]");
    tracker.record(element.dataset.track || "click", elementFields(element, slot && readSlot(slot)));
  });
}
