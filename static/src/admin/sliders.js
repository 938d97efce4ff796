// Sliders beside number fields of days: each position is so many per cent more than the one before,
// so that hours and years are equally easy to reach. The field is what is posted.

const FEWEST = 0.05;
const MOST = 400;

/** The days at a position from 0 to 1, in as many digits as anybody means. */
export function daysAt(part) {
  const days = FEWEST * (MOST / FEWEST) ** part;
  const step = days >= 20 ? 1 : days >= 3 ? 0.5 : days >= 0.5 ? 0.1 : 0.01;
  return Number((Math.round(days / step) * step).toFixed(2));
}

/** Where so many days stand, 0 to 1. */
export const partOf = (days) => Math.min(Math.max(Math.log(days / FEWEST) / Math.log(MOST / FEWEST), 0), 1);

/** Keep the sliders of a `[data-sliders]` element and their fields in step. */
export function startSliders(element) {
  const form = element.closest("form");
  for (const slider of element.querySelectorAll("[data-slider]")) {
    const field = form.elements[slider.dataset.slider];
    if (!field) continue; // whoever may only look has no field
    const follow = () => {
      const days = Number(field.value);
      if (!(days > 0)) return;
      slider.value = Math.round(partOf(days) * slider.max);
      slider.setAttribute("aria-valuetext", `${days} days`);
    };
    slider.addEventListener("input", (event) => {
      event.stopPropagation(); // what follows is the field's
      field.value = daysAt(slider.value / slider.max);
      slider.setAttribute("aria-valuetext", `${field.value} days`);
      field.dispatchEvent(new Event("input", { bubbles: true }));
    });
    field.addEventListener("input", () => document.activeElement !== slider && follow());
    follow();
    element.hidden = false;
  }
}
