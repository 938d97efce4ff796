// A form that was not saved shows the first field that is wrong, in place of its top: what is wrong may
// stand far below.
function showFirst() {
  // What concerns several fields together, such as a window of time, marks none of them.
  const wrong = document.querySelector("form [aria-invalid=true], form fieldset[aria-describedby]:has(.at-error)");
  // What concerns the whole form is said at the top, and comes first.
  if (!wrong || document.querySelector("form div.errornote")) return;
  wrong.closest("details:not([open])")?.setAttribute("open", "");
  const field = wrong.matches("fieldset") ? wrong.querySelector("input, select, textarea, button") : wrong;
  field.focus({ preventScroll: true });
  field.scrollIntoView({ block: "center" });
}

// Only then rows of inlines stand where they stay, and what is focused stays so.
addEventListener("load", showFirst);
