import { clicks } from "./collectors/clicks.js";
import { dwell } from "./collectors/dwell.js";
import { exposures } from "./collectors/exposures.js";
import { forms } from "./collectors/forms.js";
import { media } from "./collectors/media.js";
import { pages } from "./collectors/pages.js";
import { pauses } from "./collectors/pauses.js";
import { scroll } from "./collectors/scroll.js";
import { cut, readSubject } from "./context.js";
import { uuid7 } from "./ids.js";
import { all, guard, isVisible, listen } from "./page.js";
import { createQueue } from "./queue.js";
import { createStorage } from "./storage.js";
import { createTracker } from "./tracker.js";
import { createTransport } from "./transport.js";
import { createVisits } from "./visit.js";

/** Pages last: its first view finds the others listening. */
const COLLECTORS = [clicks, forms, media, dwell, scroll, exposures, pauses, pages];

const endpoint = document.currentScript?.dataset.attuneEndpoint ?? "/api/v1/events";

const readPage = () => ({ path: cut(location.pathname, 1000), ...readSubject(document.body, "data-attune-") });

const start = guard(() => {
  if (window.attune?.track) return; // included twice
  const storage = createStorage();
  const visits = createVisits({ storage, uuid: uuid7 });
  const queue = createQueue({
    storage,
    transport: createTransport(endpoint),
    locks: navigator.locks,
    page: uuid7().slice(-12),
    onDenied: () => stop(),
  });
  const tracker = createTracker({ queue, visits, uuid: uuid7, readPage });

  /** Consent is gone: nothing more is recorded or sent, nothing stays, in any tab. */
  const stop = () => {
    tracker.stop();
    all(ends)();
    storage.clear(); // other tabs see the visit vanish, and stop
    delete window.attune;
  };
  window.attune = { track: guard(tracker.track), stop: guard(stop) };

  const ends = [
    listen(document, "attune:withdraw", stop),
    listen(window, "storage", ({ key, newValue }) => {
      if (!key || (key === "attune.visit" && !newValue)) stop();
    }),
    listen(window, "pageshow", ({ persisted }) => {
      if (persisted && visits.isGone()) stop();
      else queue.resume();
    }),
    listen(window, "online", queue.retry),
    ...COLLECTORS.map((collector) => guard(collector)(tracker)),
    listen(document, "visibilitychange", () => isVisible() || tracker.leave()),
    listen(window, "pagehide", () => {
      tracker.leave();
      queue.suspend();
    }),
  ];
  queue.retry();
});

if (document.prerendering) document.addEventListener("prerenderingchange", start, { once: true });
else start();
