import { elementFields } from "../context.js";
import { listen } from "../page.js";

/** The first play of each `video[data-track]` or `audio[data-track]` in a page view. */
export function media(tracker) {
  let played;
  tracker.on("view", () => (played = new Set()));
  return listen(document, "play", ({ target }) => {
    if (!target.matches("video[data-track], audio[data-track]") || played.has(target)) return;
    played.add(target);
    tracker.record(target.dataset.track || "video_play", elementFields(target));
  });
}
