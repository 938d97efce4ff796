const PREFIX = "attune.";

/**
 * JSON values under `attune.*`. Nothing here throws: where storage is blocked or full, reads and
 * writes answer something falsy, and the caller goes on with what it holds in memory.
 */
export function createStorage(area = () => localStorage) {
  const attempt = (act) => {
    try {
      return act(area());
    } catch {
      return undefined;
    }
  };
  const remove = (name) => attempt((box) => box.removeItem(PREFIX + name));
  const names = (start) =>
    (attempt((box) => Object.keys(box)) ?? [])
      .filter((key) => key.startsWith(PREFIX + start))
      .map((key) => key.slice(PREFIX.length));
  return {
    names,
    remove,
    read: (name) => attempt((box) => JSON.parse(box.getItem(PREFIX + name))),
    write: (name, value) => attempt((box) => (box.setItem(PREFIX + name, JSON.stringify(value)), true)),
    clear: () => names("").forEach(remove),
  };
}
