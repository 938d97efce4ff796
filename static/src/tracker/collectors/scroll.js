import { startMeter } from "../meter.js";
import { all, listen, soon } from "../page.js";

const FEWEST = 20; // steps of 5 %
const MOST = 100;

/** On `<html>`, outside `<body>`: no rule, script or layout of the page meets it there. */
const RAIL = "all:initial;position:absolute;left:0;width:1px;visibility:hidden;" +
  "pointer-events:none;contain:strict;";

const topOf = (element) => element.getBoundingClientRect().top;

/** Marks at even steps, close enough that half a screen always holds one. */
function createMarks(height, screen) {
  const count = Math.min(MOST, Math.max(FEWEST, Math.ceil((2 * height) / screen)));
  return Array.from({ length: count }, (_, i) => {
    const mark = document.createElement("attune-mark");
    mark.depth = (height * (i + 1)) / count;
    mark.style.cssText = `position:absolute;width:1px;height:1px;top:${mark.depth - 2}px`;
    return mark;
  });
}

/**
 * The deepest part of the page (or of `[data-attune-scroll-root]`) seen, 0 to 1. Kept in pixels
 * and divided by the height of the moment: a page that grows was not read to its end.
 */
export function scroll(tracker) {
  const rail = document.createElement("attune-rail");
  rail.setAttribute("aria-hidden", "true");
  const html = document.documentElement;
  let deepest = 0;
  let height = 0;
  const see = (entries) =>
    entries.forEach(({ isIntersecting, target }) => {
      if (isIntersecting && target.depth > deepest) deepest = target.depth;
    });
  const sight = new IntersectionObserver(see);
  const lay = (rules) => (rail.style.cssText = RAIL + rules);
  const hide = () => lay("display:none");

  const place = () => {
    see(sight.takeRecords());
    sight.disconnect();
    const inner = document.querySelector("[data-attune-scroll-root]");
    const root = inner ?? html;
    hide(); // or the rail itself would hold a shrinking page open
    if (rail.parentNode !== root) root.append(rail);
    height = root.scrollHeight;
    lay(`display:block;top:0;height:${height}px`);
    if (inner) rail.style.top = `${topOf(inner) - inner.scrollTop - topOf(rail)}px`;
    rail.replaceChildren(...createMarks(height, Math.min(root.clientHeight, innerHeight)));
    [...rail.children].forEach((mark) => sight.observe(mark));
  };
  const placing = soon(place);
  const sizes = new ResizeObserver(placing.ask);
  return all([
    listen(window, "beforeprint", hide),
    listen(window, "afterprint", placing.ask),
    startMeter(tracker, {
      type: "scroll",
      step: 0.04,
      least: 0.001,
      read() {
        see(sight.takeRecords());
        return Math.round(Math.min(1, deepest / height) * 1000) / 1000;
      },
      reset() {
        place();
        [html, ...rail.parentNode.children, ...document.body.children].forEach((box) => box !== rail && sizes.observe(box));
        deepest = 0; // after `place`, which takes in what the view before this one saw
      },
    }),
    placing.cancel,
    () => sight.disconnect(),
    () => sizes.disconnect(),
    () => rail.remove(),
  ]);
}
