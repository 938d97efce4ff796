import { elementFields } from "../context.js";
import { listen } from "../page.js";

/**
 * One listener for every `[data-track]`, also for those that come later. The keyboard clicks too;
 * `auxclick` is the middle button. Forms and media have collectors of their own.
 */
export function clicks(tracker) {
  return listen(document, "click auxclick", ({ button, target }) => {
    const element = target.closest("[data-track]");
    if (button > 1 || !element || element.matches("form, video, audio")) return;
    tracker.record(element.dataset.track || "click", elementFields(element));
  });
}
