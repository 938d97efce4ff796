// Edits a rule's rows: add, move, remove, change the kind of a condition. The fields' names say
// their place in the tree (personalization/rule_form.py), so after every change all are renamed.
import { filterAdd, filterRemove, filtersUpdate } from "./filters.js";
import { ruleSentence } from "./sentence.js";

const OURS = "rows changed";
const own = (group, selector) => group.querySelector(`:scope > .at-group__head ${selector}`);
const membersOf = (group) => group.querySelector(":scope > [data-rule-members]");
const groupIn = (item) => item.querySelector(":scope > [data-rule-group]");

const OF_GROUP = ":scope > .at-group__head [data-part], :scope > .at-group__labels [data-part]";

function rename(group, name) {
  for (const part of group.querySelectorAll(OF_GROUP)) {
    part.name = `${name}.${part.dataset.part}`;
  }
  [...membersOf(group).children].forEach((item, index) => {
    const place = `${name}.${index}`;
    const inner = groupIn(item);
    if (inner) rename(inner, place);
    else for (const part of item.querySelectorAll("[data-part]")) part.name = `${place}.${part.dataset.part}`;
  });
}

/** What a row's fields hold: texts a line each, boxes as the list of those that are chosen. */
function valuesOf(item) {
  const values = {};
  for (const part of item.querySelectorAll("[data-part]")) {
    const { part: name, list, choice, lines, flag } = part.dataset;
    if (list) {
      values[list] ??= [];
      if (part.checked) values[list].push(choice);
    } else if (lines !== undefined) values[name] = part.value.split("\n").filter(Boolean);
    else values[name] = flag === undefined ? part.value : part.checked;
  }
  return values;
}

/** Shows the fields that the chosen operator takes; the others keep what they hold and send nothing. */
function fitFields(fields) {
  const operator = fields.querySelector("[data-part=operator]")?.value;
  for (const field of fields.querySelectorAll("[data-operators]")) {
    field.hidden = !field.dataset.operators.split(" ").includes(operator);
    for (const part of field.querySelectorAll("[data-part]")) part.disabled = field.hidden;
  }
}

function read(group) {
  return {
    kind: own(group, "[data-part=kind]").value,
    needed: own(group, "[data-part=needed]").value,
    members: [...membersOf(group).children].map((item) => {
      const inner = groupIn(item);
      if (inner) return read(inner);
      const values = valuesOf(item);
      return { condition: values.condition, values };
    }),
  };
}

function depthOf(group, root) {
  let depth = 1;
  for (let at = group; at !== root; at = at.parentElement.closest("[data-rule-group]")) depth += 1;
  return depth;
}

/** Start the editor in an element; `changed()` is called after every edit. */
export function startRule(element, changed) {
  const definitions = JSON.parse(document.getElementById("rule-definitions").textContent);
  const root = element.querySelector("[data-rule-group]");
  const said = element.querySelector("[data-rule-sentence]");
  const status = element.querySelector("[data-rule-status]");
  const copyOf = (selector) => element.querySelector(selector).content.cloneNode(true);

  function limits() {
    const rows = root.querySelectorAll("[data-rule-row]").length;
    for (const group of [root, ...root.querySelectorAll("[data-rule-group]")]) {
      const adds = group.querySelector(":scope > .at-group__adds");
      const isFull = rows >= definitions.max_conditions;
      adds.querySelector("[data-rule-add]").disabled = isFull;
      const nest = adds.querySelector("[data-rule-add-group]");
      nest.disabled = isFull;
      nest.hidden = depthOf(group, root) >= definitions.max_depth - 1;
      const items = membersOf(group).children;
      [...items].forEach((item, index) => {
        item.querySelector("[data-rule-up]").disabled = index === 0;
        item.querySelector("[data-rule-down]").disabled = index === items.length - 1;
      });
    }
  }

  function update() {
    said.textContent = ruleSentence(read(root), definitions);
    changed();
  }

  function restructured(message) {
    filtersUpdate(root, definitions.parts);
    rename(root, "rule");
    limits();
    status.textContent = message;
    update();
    // The page warns of unsaved changes when a field says it changed.
    const announcer = own(root, "[data-part=kind]");
    announcer.dispatchEvent(new CustomEvent("input", { bubbles: true, detail: OURS }));
  }

  function addRow(group) {
    membersOf(group).append(copyOf("[data-rule-new=row]"));
    const row = membersOf(group).lastElementChild;
    fitFields(row.querySelector("[data-rule-fields]"));
    return row;
  }

  function addGroup(group) {
    membersOf(group).append(copyOf("[data-rule-new=group]"));
    const item = membersOf(group).lastElementChild;
    const kind = own(groupIn(item), "[data-part=kind]");
    kind.value = own(group, "[data-part=kind]").value === "any" ? "all" : "any";
    groupIn(item).dataset.kind = kind.value;
    addRow(groupIn(item));
    return item;
  }

  const focusOn = (item) => (item ?? root).querySelector("select, [data-rule-add]").focus();

  function move(item, button, isUp) {
    const other = isUp ? item.previousElementSibling : item.nextElementSibling;
    if (isUp) other.before(item);
    else other.after(item);
    restructured(isUp ? "Moved up." : "Moved down.");
    const back = isUp ? "[data-rule-down]" : "[data-rule-up]";
    (button.disabled ? item.querySelector(back) : button).focus();
  }

  function remove(item) {
    const next = item.nextElementSibling ?? item.previousElementSibling;
    const group = item.closest("[data-rule-group]");
    item.remove();
    restructured("Removed.");
    if (next) focusOn(next);
    else group.querySelector(":scope > .at-group__adds [data-rule-add]").focus();
  }

  function itemOf(button) {
    const item = button.closest("li");
    return item && root.contains(item) ? item : null;
  }

  element.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button || button.disabled) return;
    const group = button.closest("[data-rule-group]");
    if (button.matches("[data-rule-add]")) {
      const row = addRow(group);
      restructured("Condition added.");
      focusOn(row);
    } else if (button.matches("[data-rule-add-group]")) {
      const item = addGroup(group);
      restructured("Group added.");
      focusOn(item);
    } else if (button.matches("[data-rule-up], [data-rule-down]")) {
      move(itemOf(button), button, button.matches("[data-rule-up]"));
    } else if (button.matches("[data-rule-remove]")) {
      remove(itemOf(button));
    } else if (button.matches("[data-filter-add]")) {
      const first = filterAdd(button, copyOf("[data-filter-new]"));
      restructured("Filter added.");
      first.focus();
    } else if (button.matches("[data-filter-remove]")) {
      const next = filterRemove(button);
      restructured("Filter removed.");
      next.focus();
    }
  });

  /** Other fields for another kind; what has the same name and fits keeps its value. A kind that is
   *  not offered has no fields to come back to. */
  function swapFields(select) {
    select.querySelector("[data-gone]")?.remove();
    const fields = select.closest("[data-rule-row]").querySelector("[data-rule-fields]");
    const before = new Map([...fields.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
    fields.replaceChildren(copyOf(`[data-rule-fields-of="${CSS.escape(select.value)}"]`));
    for (const part of fields.querySelectorAll("select[data-part]")) {
      const old = before.get(part.dataset.part);
      if (old && [...part.options].some((option) => option.value === old.value)) part.value = old.value;
    }
    fitFields(fields);
    select.removeAttribute("aria-invalid");
  }

  element.addEventListener("change", (event) => {
    const part = event.target.dataset?.part;
    if (part === "condition") {
      swapFields(event.target);
      restructured("");
    } else if (part === "operator") {
      fitFields(event.target.closest("[data-rule-fields]"));
    } else if (event.target.closest("[data-filter]")) {
      restructured("");
    } else if (part === "kind") {
      event.target.closest("[data-rule-group]").dataset.kind = event.target.value;
    }
  });
  element.addEventListener("input", (event) => event.detail !== OURS && update());

  for (const without of element.querySelectorAll("[data-nojs]")) without.remove();
  filtersUpdate(root, definitions.parts);
  root.querySelectorAll("[data-rule-fields]").forEach(fitFields);
  rename(root, "rule");
  limits();
  said.textContent = ruleSentence(read(root), definitions);
  element.dataset.ready = "";
}
