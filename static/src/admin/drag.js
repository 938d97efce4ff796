// Dragging conditions and groups by their handles: with a mouse, a pen or a finger.

const HANDLE = "[data-rule-drag]";
const MEMBERS = ":scope > [data-rule-members]";
/** Pixels: before a press is a drag; of a group's edge that is beside it; of the screen's that scrolls. */
const STILL = 5;
const EDGE = 14;
const SCROLL = 70;

const membersOf = (group) => group.querySelector(MEMBERS);

/** The element that scrolls what is dragged over. */
function scrollerOf(element) {
  for (let at = element.parentElement; at; at = at.parentElement) {
    const { overflowY } = getComputedStyle(at);
    if (/auto|scroll/.test(overflowY) && at.scrollHeight > at.clientHeight) return at;
  }
  return document.scrollingElement;
}

/** Where in a list something at this height goes: before which of its items, null for the end. */
function beforeWhich(list, y, passed) {
  const items = [...list.children].filter((item) => !passed.includes(item));
  return (
    items.find((item) => {
      const { top, bottom } = item.getBoundingClientRect();
      return y < (top + bottom) / 2;
    }) ?? null
  );
}

/** The list under a point: that of the innermost group, or of the one around it at its edges. */
function listAt(root, x, y) {
  const group = document.elementFromPoint(x, y)?.closest("[data-rule-group]");
  if (!group || !root.contains(group)) return null;
  if (group !== root) {
    const { top, bottom } = group.getBoundingClientRect();
    if (y < top + EDGE || y > bottom - EDGE) return group.closest("li").parentElement;
  }
  return membersOf(group);
}

/**
 * Start dragging below a root group. `allows(item, list)` says whether an item may go there,
 * `drop(item, list, before)` puts it there.
 */
export function startDrag(root, { allows, drop }) {
  const mark = document.createElement("li");
  mark.className = "at-drop";
  mark.setAttribute("aria-hidden", "true");
  let drag = null;

  function look() {
    const { item, x, y } = drag;
    const list = listAt(root, x, y);
    if (!list || item.contains(list) || !allows(item, list)) {
      drag.place = null;
      mark.remove();
    } else {
      const before = beforeWhich(list, y, [item, mark]);
      const isThere = drag.place?.list === list && drag.place.before === before;
      drag.place = { list, before };
      if (!isThere) list.insertBefore(mark, before);
    }
    root.classList.toggle("at-group--refuses", !drag.place);
  }

  function scroll() {
    if (!drag?.moving) return;
    const over = drag.scroller === document.scrollingElement ? null : drag.scroller.getBoundingClientRect();
    const top = Math.max(over?.top ?? 0, 0);
    const bottom = Math.min(over?.bottom ?? innerHeight, innerHeight);
    const step = drag.y < top + SCROLL ? -1 : Number(drag.y > bottom - SCROLL);
    if (step) {
      drag.scroller.scrollTop += step * 9;
      look();
    }
    requestAnimationFrame(scroll);
  }

  function begin() {
    drag.moving = true;
    drag.item.classList.add("at-dragged");
    root.classList.add("at-group--dragging");
    requestAnimationFrame(scroll);
  }

  function end(isDropped) {
    if (!drag) return;
    const { item, place, moving } = drag;
    drag = null;
    mark.remove();
    item.classList.remove("at-dragged");
    root.classList.remove("at-group--dragging", "at-group--refuses");
    const stays = place && item.parentElement === place.list && item.nextElementSibling === place.before;
    if (isDropped && moving && place && !stays) drop(item, place.list, place.before);
  }

  root.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest(HANDLE);
    if (!handle || event.button !== 0 || drag) return;
    event.preventDefault(); // nothing is selected, and a finger does not scroll
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    drag = { item: handle.closest("li"), x: event.clientX, y: event.clientY, startY: event.clientY, startX: event.clientX };
    drag.scroller = scrollerOf(root);
  });
  root.addEventListener("pointermove", (event) => {
    if (!drag) return;
    [drag.x, drag.y] = [event.clientX, event.clientY];
    const moved = Math.hypot(drag.x - drag.startX, drag.y - drag.startY);
    if (!drag.moving && moved < STILL) return;
    if (!drag.moving) begin();
    look();
  });
  root.addEventListener("pointerup", () => end(true));
  root.addEventListener("pointercancel", () => end(false));
  document.addEventListener(
    "keydown",
    (event) => {
      if (!drag || event.key !== "Escape") return;
      event.preventDefault();
      end(false);
    },
    { capture: true },
  );
}
