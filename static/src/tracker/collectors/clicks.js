import { elementFields, readPlacement } from "../context.js";
import { listen } from "../page.js";

/** The acts that say, in a personalized slot, which campaign they answer. */
const ANSWERS = /^(click|category_click|add_to_cart|dismiss)$/;

/**
 * One listener for every `[data-track]`, also for those that come later. The keyboard clicks too;
 * `auxclick` is the middle button. Forms and media have collectors of their own.
 */
export function clicks(tracker) {
  return listen(document, "click auxclick", ({ button, target }) => {
    const element = target.closest("[data-track]");
    if (button > 1 || !element || element.matches("form, video, audio")) return;
    const type = element.dataset.track || "click";
    const slot = ANSWERS.test(type) && element.closest("[data-attune-campaign]");
    tracker.record(type, elementFields(element, slot ? readPlacement(slot) : {}));
  });
}
