import { cut, flatten } from "./context.js";

const without = (object) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

/**
 * The core: it knows the queue, the visit and the page view, and no collector.
 *
 * A collector is `start(tracker) -> stop`. It calls `record`, and may listen with `on` to
 *   view   a page view has opened (`tracker.view` is it)
 *   end    it is about to end
 *   leave  the page is being hidden, perhaps for good
 */
export function createTracker({ queue, visits, uuid, readPage, now = Date.now }) {
  const listeners = { view: [], end: [], leave: [] };
  let stopped = false;
  let view;

  /** `page` is what every event of the view tells about where it happened. */
  const newView = () => ({ id: uuid(), at: now(), visit: visits.touch(now()), page: readPage() });
  const emit = (name) => listeners[name].forEach((listener) => listener());

  const tracker = {
    get view() {
      return (view ??= newView());
    },
    /** Queue an event of the open view; `fields` add to or override what the core fills in. */
    record(type, fields = {}) {
      if (stopped || !type) return;
      const { id, page } = tracker.view;
      const visit = fields.visit ?? visits.touch(now());
      queue.add({ id: uuid(), type: cut(type, 64), at: now(), visit, view: id, ...page, ...without(fields) });
    },
    /** Record the newest of a value that grows within the view; the same `id` each time. */
    report(type, id, value) {
      const { at, visit } = tracker.view;
      visits.extend(now());
      tracker.record(type, { id, at, visit, value });
    },
    /** A page view begins; the one before it ends. */
    open(fields) {
      if (view) emit("end");
      view = newView();
      tracker.record("page_view", { at: view.at, ...fields });
      emit("view");
    },
    leave() {
      emit("leave");
      queue.leave();
    },
    on: (name, listener) => listeners[name].push(listener),
    /** For the page's own code: `item`, `category` and `content_type` become the event's subject. */
    track(type, properties) {
      const { item, category, content_type, ...rest } = flatten(properties);
      tracker.record(type, { item, category, content_type, properties: rest });
    },
    stop() {
      stopped = true;
      queue.stop();
    },
  };
  return tracker;
}
