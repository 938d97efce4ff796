// A small editor of rows: add, remove, by mouse or keyboard. Fields are numbered by their row, so
// after every change all are renamed; the server reads them in that order.

const renumbered = (name, index) => name.replace(/-(\d+|new)-/, `-${index}-`);

/** Start the rows in a `[data-rows]` element. */
export function startRows(element) {
  const list = element.querySelector("[data-rows-list]");
  const add = element.querySelector("[data-rows-add]");
  const blank = element.querySelector("[data-rows-new]").content;
  const status = element.querySelector("[data-rows-status]");
  const rows = () => [...list.children];

  function changed(message) {
    rows().forEach((row, index) => {
      for (const part of row.querySelectorAll("[data-part]")) part.name = renumbered(part.name, index);
    });
    add.disabled = rows().length >= Number(element.dataset.rowsMost);
    status.textContent = message;
    if (message) announce();
  }

  // The page warns of unsaved changes when a field that it knows says it changed.
  const announce = () => element.querySelector("[data-rows-announce]").dispatchEvent(new Event("input"));

  function append() {
    list.append(blank.cloneNode(true));
    changed("Property added.");
    list.lastElementChild.querySelector("[data-part=name]").focus();
  }

  function remove(row) {
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    changed("Property removed.");
    (next?.querySelector("[data-row-remove]") ?? add).focus();
  }

  add.addEventListener("click", append);
  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-row-remove]");
    if (button) remove(button.closest("[data-row]"));
  });
  list.addEventListener("input", announce);
  list.addEventListener("keydown", (event) => {
    // Enter in a name begins the next property instead of saving the form half done.
    if (event.key !== "Enter" || !event.target.matches("[data-part=name]")) return;
    event.preventDefault();
    if (!add.disabled && event.target.value) append();
  });

  for (const spare of list.querySelectorAll("[data-nojs]")) spare.remove();
  changed("");
  element.dataset.ready = "";
}
