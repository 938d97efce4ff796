/** A function whose errors never reach the page. */
export const guard = (fn) => (...args) => {
  try {
    return fn(...args);
  } catch {
    return undefined;
  }
};

/** One function that calls them all, whatever any of them throws. */
export const all = (fns) => () => fns.forEach((fn) => guard(fn)());

/** Listen for event types (separated by spaces); answers how to end it. */
export function listen(target, types, handler) {
  const safe = guard(handler);
  const options = { capture: true, passive: true };
  return all(
    types.split(" ").map((type) => {
      target.addEventListener(type, safe, options);
      return () => target.removeEventListener(type, safe, options);
    }),
  );
}

export const isVisible = () => document.visibilityState === "visible";

/** `fn` once, soon, when the browser has time, however often asked; `flush` does it now if due. */
export function soon(fn) {
  let due = false;
  const flush = guard(() => {
    if (due) {
      due = false;
      fn();
    }
  });
  const ask = () => {
    if (due) return;
    due = true;
    if (window.requestIdleCallback) requestIdleCallback(flush, { timeout: 200 });
    else setTimeout(flush, 50);
  };
  return { ask, flush, cancel: () => (due = false) };
}
