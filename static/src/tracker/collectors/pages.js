import { onAddressChange } from "../address.js";
import { flatten, readCampaign } from "../context.js";
import { all, guard, isVisible, listen } from "../page.js";

const address = () => location.pathname + location.search;

/** Only the origin of where the visitor came from; paths elsewhere are none of our business. */
const referrer = guard(() => document.referrer.match(/^https?:\/\/[^/]+\//)?.[0]);

/** Where a visitor came from, and by which campaign; a later view came from the site itself. */
const arrival = () => {
  const properties = flatten(readCampaign(location.search));
  return { referrer: referrer(), properties: Object.keys(properties)[0] && properties };
};

/**
 * Page views: the first once the page is seen, then each change of path or query within the page,
 * and each return from the back/forward cache.
 */
export function pages(tracker) {
  let last;
  const view = (fields) => {
    last = address();
    tracker.open(fields);
  };
  const begin = () => {
    if (!last && isVisible()) view(arrival());
  };
  // A microtask later, the site's own code around the change has run, and a redirect is one view.
  const check = () =>
    queueMicrotask(guard(() => {
      if (last && address() !== last) view({ referrer: location.origin + "/" });
    }));
  const ends = [
    onAddressChange(check),
    listen(window, "pageshow", ({ persisted }) => persisted && view()),
    listen(document, "visibilitychange", begin),
    () => (last = ""),
  ];
  begin();
  return all(ends);
}
