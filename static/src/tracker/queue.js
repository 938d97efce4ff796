const BATCH = 100;
const BATCH_BYTES = 60_000; // keepalive and beacon requests of a page share 64 KiB
const EAGER = 20;
const PAUSE = 250;
const MOST = 1000;
const KEPT = 200;
const KEPT_CHARS = 100_000;

/** The next request: as many of the first events as fit, and how many that is. */
export function nextBatch(events, now = Date.now()) {
  const texts = [];
  let bytes = 50;
  for (const event of events.slice(0, BATCH)) {
    const text = JSON.stringify(event);
    bytes += new Blob([text]).size + 1;
    if (bytes > BATCH_BYTES && texts.length) break;
    texts.push(text);
  }
  return { count: texts.length, body: `{"sent_at":${now},"events":[${texts}]}` };
}

/** The newest events, as many as may wait in storage: at most 200, at most 100,000 characters. */
export function newest(events) {
  const kept = events.slice(-KEPT);
  while (JSON.stringify(kept).length > KEPT_CHARS) kept.splice(0, Math.ceil(kept.length / 8));
  return kept;
}

/** Milliseconds before the next try: 1 s after one failure, doubling to a minute, less up to half. */
export const backoff = (failures, random) => Math.min(60_000, 500 * 2 ** failures) * (1 - random / 2);

/**
 * Events on their way out: one request at a time, in order, none lost to a bad moment.
 *
 * What could not be sent is mirrored under a storage name of this page alone, so no two tabs ever
 * write the same one. While the page lives it holds a Web Lock of that name; who finds a mirror
 * whose lock is free adopts it. Event ids make a double delivery harmless where locks are absent.
 */
export function createQueue({ transport, storage, locks, page, onDenied, random = Math.random }) {
  const own = `queue.${page}`;
  let waiting = [];
  let flying = [];
  let failures = 0;
  let mirrored = false;
  let stopped = false;
  let timer;
  let release;

  const arm = (delay) => {
    clearTimeout(timer);
    timer = setTimeout(flush, delay);
  };
  const lock = (name, act) => locks.request(`attune.${name}`, act).catch(() => {});
  const letGo = () => {
    release?.();
    release = undefined;
  };
  const hold = () => {
    if (release || !locks) return;
    const free = new Promise((resolve) => (release = resolve));
    lock(own, () => free);
  };
  const mirror = () => {
    const events = newest([...flying, ...waiting]);
    if (events.length) hold(); // before the write, so that nobody finds it unowned
    mirrored = events.length > 0 && storage.write(own, events);
    if (!mirrored) {
      storage.remove(own);
      letGo();
    }
  };
  const putBack = (batch) => {
    const isOld = ({ id }) => waiting.some((event) => event.id === id);
    waiting = [...batch.filter((event) => !isOld(event)), ...waiting].slice(-KEPT);
  };
  const flush = async () => {
    if (stopped || flying.length || !waiting.length) return;
    const { count, body } = nextBatch(waiting);
    flying = waiting.splice(0, count);
    const { verdict, after } = await transport.send(body);
    const batch = flying;
    flying = [];
    if (stopped) return;
    if (verdict === "denied") onDenied();
    else if (verdict === "later") {
      failures += 1;
      putBack(batch);
      mirror();
      arm(Math.max(after, backoff(failures, random())));
    } else {
      failures = 0;
      if (mirrored) mirror();
      arm(0);
    }
  };
  const adopt = (name) => {
    const events = storage.read(name);
    if (stopped || !events) return;
    storage.remove(name);
    waiting = [...events, ...waiting].slice(-MOST);
    if (!failures) arm(0);
  };

  return {
    /** Take an event; one with the id of a waiting one replaces it (a later, larger report). */
    add(event) {
      if (stopped) return;
      const known = waiting.findIndex(({ id }) => id === event.id);
      if (known >= 0) waiting[known] = event;
      else waiting = [...waiting, event].slice(-MOST);
      if (failures) return; // the next try is armed
      if (waiting.length === EAGER) arm(0);
      else if (waiting.length === 1) arm(PAUSE); // counted from the first: a steady stream flows
    },
    /** The page is hidden and may never come back: out by beacon, or into storage. */
    leave() {
      while (waiting.length && !failures) {
        const { count, body } = nextBatch(waiting);
        if (!transport.beacon(body)) break;
        waiting.splice(0, count);
      }
      if (waiting.length || mirrored) mirror();
    },
    /** Into the back/forward cache: another page may adopt what this one left. */
    suspend: letGo,
    /** Out of it again. What was mirrored and is gone has been adopted. */
    resume() {
      if (!mirrored) return;
      if (storage.read(own)) hold();
      else {
        waiting = [];
        mirrored = false;
      }
    },
    /** Now is a good time: at the start, and when the network is back. */
    retry() {
      failures = 0;
      arm(0);
      for (const name of storage.names("queue.")) {
        if (name === own) continue;
        if (locks) lock(name, () => adopt(name));
        else adopt(name);
      }
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      letGo();
    },
  };
}
