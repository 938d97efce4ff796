// Taking changes of the rows back, the latest first, and doing them again. What is typed into a field
// is the browser's to take back.

const MOST = 100;

/** Where an element stands now; null for nowhere. */
export const placeOf = (item) =>
  item.parentElement && { list: item.parentElement, before: item.nextElementSibling };

function put(item, place) {
  if (!place) item.remove();
  else place.list.insertBefore(item, place.before?.parentElement === place.list ? place.before : null);
}

/** The step of an item that was at `from` and now is where it stands. */
export function placing(said, item, from) {
  const to = placeOf(item);
  return { said, item, back: () => put(item, from), forth: () => put(item, to) };
}

/** `keep(step)` after a change; `back()` and `forth()` give the step they took, or undefined. */
export function createUndo(undo, redo, says) {
  const done = [];
  const undone = [];

  function show() {
    undo.disabled = !done.length;
    redo.disabled = !undone.length;
    says.textContent = done[done.length - 1]?.said ?? "";
  }

  function keep(step) {
    done.push(step);
    if (done.length > MOST) done.shift();
    undone.length = 0;
    show();
  }

  function take(from, to, how) {
    const step = from.pop();
    if (!step) return undefined;
    step[how]();
    to.push(step);
    show();
    return step;
  }

  return { keep, back: () => take(done, undone, "back"), forth: () => take(undone, done, "forth") };
}
