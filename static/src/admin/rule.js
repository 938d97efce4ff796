// Edits a rule's rows: add, move, remove, change the kind of a condition. The fields' names say
// their place in the tree (personalization/rule_form.py), so after every change all are renamed.
import { startDrag } from "./drag.js";
import { filterAdd, filterRemove, filtersUpdate } from "./filters.js";
import { ruleSentence } from "./sentence.js";
import { createUndo, placeOf, placing } from "./undo.js";

const OURS = "rows changed";
const TYPED = "textarea, input:not([type=checkbox], [type=radio], [type=hidden])";
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

/** Fields as they are for the kind of their row, which is remembered. */
function fieldsReady(fields) {
  fields.dataset.kind = fields.closest("[data-rule-row]").querySelector("[data-part=condition]").value;
  fitFields(fields);
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

/** How many groups are nested in an item, itself counted: 0 for a condition. */
function heightOf(item) {
  const inner = groupIn(item);
  return inner ? 1 + Math.max(0, ...[...membersOf(inner).children].map(heightOf)) : 0;
}

/** What an item is called. */
function wordsOf(item) {
  if (item.matches("[data-filter]")) return "filter";
  const inner = groupIn(item);
  const kind = inner ? own(inner, "[data-part=kind]") : item.querySelector("[data-part=condition]");
  const words = kind.selectedOptions[0]?.textContent.trim() ?? "";
  return inner ? `group “${words}”` : `“${words}”`;
}

/** Where Alt and an arrow take an item: {list, before}, or null. */
function placeBeside(item, key, root) {
  const list = item.parentElement;
  const [previous, next] = [item.previousElementSibling, item.nextElementSibling];
  if (key === "ArrowUp") return previous && { list, before: previous };
  if (key === "ArrowDown") return next && { list, before: next.nextElementSibling };
  if (key === "ArrowLeft") {
    const group = item.closest("[data-rule-group]");
    const around = group === root ? null : group.closest("li");
    return around && { list: around.parentElement, before: around.nextElementSibling };
  }
  const [above, below] = [previous, next].map((each) => each && groupIn(each));
  if (above) return { list: membersOf(above), before: null };
  return below && { list: membersOf(below), before: membersOf(below).firstElementChild };
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
    fieldsReady(row.querySelector("[data-rule-fields]"));
    return row;
  }

  function added(item, message) {
    undo.keep(placing(message, item, null));
    restructured(message);
    focusOn(item);
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

  const [undoes, redoes] = ["[data-rule-undo]", "[data-rule-redo]"].map((each) => element.querySelector(each));
  const undo = createUndo(undoes, redoes, element.querySelector("[data-rule-undo-says]"));

  const fits = (item, list) => depthOf(list.closest("[data-rule-group]"), root) + heightOf(item) < definitions.max_depth;

  function move(item, { list, before }, focused) {
    const inGroup = list !== item.parentElement;
    const from = placeOf(item);
    list.insertBefore(item, before);
    undo.keep(placing(`Moved ${wordsOf(item)}.`, item, from));
    const place = `place ${[...list.children].indexOf(item) + 1} of ${list.children.length}`;
    const where = list === membersOf(root) ? "of the rule" : "in the group";
    restructured(`Moved ${wordsOf(item)} to ${place}${inGroup ? ` ${where}` : ""}.`);
    const button = item.querySelector(focused);
    (button.disabled ? item.querySelector("[data-rule-up]:enabled, [data-rule-down]:enabled") : button).focus();
  }

  function remove(item) {
    const next = item.nextElementSibling ?? item.previousElementSibling;
    const group = item.closest("[data-rule-group]");
    const from = placeOf(item);
    item.remove();
    undo.keep(placing(`Removed ${wordsOf(item)}.`, item, from));
    restructured(`Removed ${wordsOf(item)}. “Undo” brings it back.`);
    if (next) focusOn(next);
    else group.querySelector(":scope > .at-group__adds [data-rule-add]").focus();
  }

  function takeBack(isAgain) {
    const step = isAgain ? undo.forth() : undo.back();
    if (!step) {
      status.textContent = `Nothing can be ${isAgain ? "done again" : "undone"} now.`;
      return;
    }
    restructured(`${isAgain ? "Done again" : "Undone"}: ${step.said}`);
    const onItem = step.item.isConnected && step.item.querySelector("[data-rule-drag], [data-filter-remove]");
    (onItem || (isAgain ? undoes : redoes)).focus();
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
      added(addRow(group), "Condition added.");
    } else if (button.matches("[data-rule-add-group]")) {
      added(addGroup(group), "Group added.");
    } else if (button.matches("[data-rule-up], [data-rule-down]")) {
      const [item, isUp] = [itemOf(button), button.matches("[data-rule-up]")];
      move(item, placeBeside(item, isUp ? "ArrowUp" : "ArrowDown", root), isUp ? "[data-rule-up]" : "[data-rule-down]");
    } else if (button.matches("[data-rule-undo]")) {
      takeBack(false);
    } else if (button.matches("[data-rule-redo]")) {
      takeBack(true);
    } else if (button.matches("[data-rule-remove]")) {
      remove(itemOf(button));
    } else if (button.matches("[data-filter-add]")) {
      const first = filterAdd(button, copyOf("[data-filter-new]"));
      undo.keep(placing("Filter added.", first.closest("[data-filter]"), null));
      restructured("Filter added.");
      first.focus();
    } else if (button.matches("[data-filter-remove]")) {
      const filter = button.closest("[data-filter]");
      const from = placeOf(filter);
      const next = filterRemove(button);
      undo.keep(placing("Removed filter.", filter, from));
      restructured("Filter removed.");
      next.focus();
    }
  });

  /** Other fields for another kind; what has the same name and fits keeps its value. A kind that is
   *  not offered is there again by "Undo" alone. */
  function swapFields(select) {
    const row = select.closest("[data-rule-row]");
    const fields = row.querySelector("[data-rule-fields]");
    const was = { kind: fields.dataset.kind, nodes: [...fields.childNodes], gone: select.querySelector("[data-gone]") };
    was.gone?.remove();
    const before = new Map([...fields.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
    fields.replaceChildren(copyOf(`[data-rule-fields-of="${CSS.escape(select.value)}"]`));
    for (const part of fields.querySelectorAll("select[data-part]")) {
      const old = before.get(part.dataset.part);
      if (old && [...part.options].some((option) => option.value === old.value)) part.value = old.value;
    }
    fieldsReady(fields);
    select.removeAttribute("aria-invalid");
    const now = { kind: select.value, nodes: [...fields.childNodes] };
    function show({ kind, nodes, gone }) {
      if (gone) select.prepend(gone);
      else was.gone?.remove();
      select.value = fields.dataset.kind = kind;
      fields.replaceChildren(...nodes);
    }
    const said = `Changed a condition to ${wordsOf(row)}.`;
    undo.keep({ said, item: row, back: () => show(was), forth: () => show(now) });
  }

  /** Another way in which a group's members are joined. */
  function swapJoin(select) {
    const group = select.closest("[data-rule-group]");
    const [was, now] = [group.dataset.kind, select.value];
    const show = (kind) => {
      select.value = group.dataset.kind = kind;
    };
    show(now);
    const item = group === root ? root : group.closest("li");
    const said = `Changed to “${select.selectedOptions[0].textContent.trim()}”.`;
    undo.keep({ said, item, back: () => show(was), forth: () => show(now) });
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
      swapJoin(event.target);
    }
  });
  // Of another kind's fields "change" makes the right ones first; it follows at once.
  const isOther = ({ target }) => target.dataset?.part === "condition";
  element.addEventListener("input", (event) => event.detail !== OURS && !isOther(event) && update());

  // Also while nothing is focused, as after a click beside the form.
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (!(event.ctrlKey || event.metaKey) || key.toLowerCase() !== "z") return;
    if (target !== document.body && !element.contains(target)) return;
    if (target.matches(TYPED)) return; // the browser takes back what was typed
    event.preventDefault();
    takeBack(event.shiftKey);
  });
  element.addEventListener("keydown", (event) => {
    const { key, target } = event;
    if (event.altKey && key.startsWith("Arrow") && target.closest(".at-tools")) {
      event.preventDefault();
      const item = itemOf(target);
      const place = placeBeside(item, key, root);
      if (place && fits(item, place.list)) move(item, place, "[data-rule-drag]");
      else status.textContent = "It cannot go there.";
    }
  });
  startDrag(root, { allows: fits, drop: (item, list, before) => move(item, { list, before }, "[data-rule-drag]") });

  for (const without of element.querySelectorAll("[data-nojs]")) without.remove();
  filtersUpdate(root, definitions.parts);
  root.querySelectorAll("[data-rule-fields]").forEach(fieldsReady);
  rename(root, "rule");
  limits();
  said.textContent = ruleSentence(read(root), definitions);
  element.dataset.ready = "";
}
