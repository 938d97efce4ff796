import { cut, elementFields } from "../context.js";
import { listen } from "../page.js";

const QUERY = 80;

const fieldNames = (fields) =>
  [...new Set([...fields].filter(({ type }) => type !== "hidden").map(({ name }) => name))].filter(Boolean).join();

/**
 * Submits of `form[data-track]`: the names of its fields, never what was entered. Only a search
 * form that names its field (`data-track-field`) says what was searched for.
 */
export function forms(tracker) {
  return listen(document, "submit", ({ target: form }) => {
    if (!form.matches("form[data-track]")) return;
    const { track, trackField } = form.dataset;
    const query = track === "search" && cut(form.elements[trackField]?.value.trim(), QUERY);
    tracker.record(
      track || "form_submit",
      elementFields(form, { ...(query ? { query } : { fields: fieldNames(form.elements) }), field: undefined }),
    );
  });
}
