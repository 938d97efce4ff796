import { readPlacement } from "../context.js";
import { all, guard, soon } from "../page.js";

/** One `exposure` per personalized slot and page view, also for slots filled later. */
export function exposures(tracker) {
  let seen;
  const scan = () => {
    for (const slot of document.querySelectorAll("[data-attune-slot][data-attune-campaign]")) {
      const properties = readPlacement(slot);
      const key = JSON.stringify(properties);
      if (!seen.has(key)) tracker.record("exposure", { properties });
      seen.add(key);
    }
  };
  const scanning = soon(scan);
  tracker.on("view", guard(() => {
    scanning.cancel(); // what it would find belongs to this view
    const isFirst = !seen;
    seen = new Set();
    if (isFirst) scan();
    else scanning.ask(); // a single-page site is still drawing
  }));
  tracker.on("leave", scanning.flush);
  const changes = new MutationObserver(() => seen && scanning.ask());
  changes.observe(document.body, {
    subtree: true,
    childList: true,
    attributeFilter: ["data-attune-campaign", "data-attune-variant"],
  });
  return all([() => changes.disconnect(), scanning.cancel]);
}
