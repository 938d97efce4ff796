// A form that was not saved shows the first field that is wrong, in place of its top: what is wrong may
// stand far below.
function showFirst() {
  const field = document.querySelector("form [aria-invalid=true]");
  // What concerns the whole form is said at the top, and comes first.
  if (!field || document.querySelector("form div.errornote")) return;
  field.closest("details:not([open])")?.setAttribute("open", "");
  field.focus({ preventScroll: true });
  field.scrollIntoView({ block: "center" });
}

// Only then rows of inlines stand where they stay, and what is focused stays so.
addEventListener("load", showFirst);
