// Taking back what was moved or removed, the latest first.

const MOST = 100;

/** Where an element stands now. */
export const placeOf = (item) => ({ item, list: item.parentElement, before: item.nextElementSibling });

/** `keep(place, said)` before a change, with what it does in words; `back()` undoes the latest. */
export function createUndo(button, says) {
  const steps = [];

  function show() {
    const latest = steps[steps.length - 1];
    button.disabled = !latest;
    says.textContent = latest?.said ?? "";
  }

  function keep(place, said) {
    steps.push({ ...place, said });
    if (steps.length > MOST) steps.shift();
    show();
  }

  /** The step that was undone, or undefined; `allows(item, list)` may refuse. */
  function back(allows) {
    const step = steps[steps.length - 1];
    if (!step || !allows(step.item, step.list)) return undefined;
    steps.pop();
    const before = step.before?.parentElement === step.list ? step.before : null;
    step.list.insertBefore(step.item, before);
    show();
    return step;
  }

  return { keep, back };
}
