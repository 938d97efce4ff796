const IDLE = 30 * 60_000;
const LONGEST = 24 * 3600_000;
const STALE = 10_000; // writing costs more than all else about a click

/** Is the visit still going on at `now` (epoch ms)? Also false for nothing and for a broken value. */
const isOpen = (visit, now) =>
  Math.abs(now - visit?.last) < IDLE && Math.abs(now - visit.started) < LONGEST;

/** The visit `{id, started, last}` that all tabs share through storage, or this tab alone in memory. */
export function createVisits({ storage, uuid }) {
  let held;
  let saved;
  const keep = (visit) => {
    held = visit;
    saved = storage.write("visit", visit);
  };
  /** Somebody is reading: keep an open visit from ending, never start one. */
  const extend = (now) => {
    const visit = storage.read("visit") ?? held;
    if (!isOpen(visit, now)) return false;
    held = visit;
    if (Math.abs(now - visit.last) > STALE) keep({ ...visit, last: now });
    return true;
  };
  return {
    extend,
    /** The visit's id; a new one after 30 idle minutes or 24 hours. */
    touch(now) {
      if (!extend(now)) keep({ id: uuid(), started: now, last: now });
      return held.id;
    },
    /** True if what was stored is gone: another tab stopped and cleared it. */
    isGone: () => saved && !storage.read("visit"),
  };
}
