import { all, listen } from "./page.js";

/** Tell of history changes where the Navigation API is missing; answers how to undo it. */
function patchHistory(onChange) {
  const undo = ["pushState", "replaceState"].map((name) => {
    const original = history[name];
    const patched = function (...args) {
      original.apply(this, args);
      onChange();
    };
    history[name] = patched;
    return () => {
      if (history[name] === patched) history[name] = original; // else somebody wraps ours
    };
  });
  return all([...undo, listen(window, "popstate", onChange)]);
}

/** Call `onChange` whenever the address may have changed within the page; answers how to end it. */
export const onAddressChange = (onChange) =>
  window.navigation ? listen(navigation, "currententrychange", onChange) : patchHistory(onChange);
