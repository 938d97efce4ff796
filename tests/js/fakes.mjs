/** What the browser has and Node has not, only as far as the tracker's pure parts look. */

/** localStorage as far as anybody uses it: own enumerable keys are the names. */
export class FakeStorage {
  getItem(key) {
    return Object.hasOwn(this, key) ? this[key] : null;
  }
  setItem(key, value) {
    this[key] = String(value);
  }
  removeItem(key) {
    delete this[key];
  }
}

export const blockedStorage = () => {
  throw new DOMException("denied", "SecurityError");
};

/** Web Locks for one origin, exclusive mode, granted in order. */
export function fakeLocks() {
  const tails = new Map();
  return {
    request(name, act) {
      const turn = (tails.get(name) ?? Promise.resolve()).then(act);
      tails.set(name, turn.catch(() => {}));
      return turn;
    },
  };
}

/** A transport that answers what it is told, and remembers every batch. */
export function fakeTransport() {
  const transport = {
    sent: [],
    beaconed: [],
    next: { verdict: "sent", after: 0 },
    takesBeacons: true,
    async send(body) {
      transport.sent.push(JSON.parse(body).events);
      return transport.next;
    },
    beacon(body) {
      if (transport.takesBeacons) transport.beaconed.push(JSON.parse(body).events);
      return transport.takesBeacons;
    },
  };
  return transport;
}

/** Let promises that are ready run on. */
export const settle = async () => {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
};

/** An element as the tracker reads one. */
export function fakeElement(attributes, section) {
  return {
    attributes: Object.entries(attributes).map(([name, value]) => ({ name, value })),
    getAttribute: (name) => attributes[name] ?? null,
    closest: () => section && { dataset: { section } },
  };
}
