// "Preview" in the form opens another page and leaves this one as it is, unsaved edits and all.

/** Keep from a form's other listeners that its preview was asked for: nothing is being saved. */
export function startPreviewButton(page) {
  page.addEventListener(
    "submit",
    (event) => event.submitter?.matches("[data-preview-open]") && event.stopImmediatePropagation(),
    { capture: true },
  );
}
