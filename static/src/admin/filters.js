// Filters of an event condition: rows inside the row. The rule's script names the fields after
// every change; here each row only gets its number.

const rowsOf = (filters) => [...filters.querySelectorAll("[data-filter]")];

/** Number the rows of every list below, offer only operators that fit, and allow so many. */
export function filtersUpdate(element, { max_filters: most, operator_kinds: kinds }) {
  for (const filters of element.querySelectorAll("[data-filters]")) {
    rowsOf(filters).forEach((row, index) => {
      for (const part of row.querySelectorAll("[data-part]")) {
        part.dataset.part = part.dataset.part.replace(/\d+_/, `${index}_`);
      }
      const [field, operator, values] = row.querySelectorAll("[data-part]");
      const kind = field.value.split("|").pop();
      for (const option of operator.options) {
        option.disabled = Boolean(field.value) && !kinds[option.value]?.includes(kind);
      }
      if (operator.selectedOptions[0]?.disabled) operator.value = "eq";
      values.closest("label").hidden = operator.value === "is_set";
    });
    filters.querySelector("[data-filter-add]").disabled = rowsOf(filters).length >= most;
  }
}

/** Add a copy of the blank row before the button, and go there. */
export function filterAdd(button, blank) {
  const list = button.closest("[data-filters]").querySelector("[data-filter-list]");
  list.append(blank);
  return list.lastElementChild.querySelector("select");
}

/** Take a row away; returns where the keyboard goes on. */
export function filterRemove(button) {
  const filters = button.closest("[data-filters]");
  const row = button.closest("[data-filter]");
  const next = row.nextElementSibling ?? row.previousElementSibling;
  row.remove();
  return next?.querySelector("[data-filter-remove]") ?? filters.querySelector("[data-filter-add]");
}
