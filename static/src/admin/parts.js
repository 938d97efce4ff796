// Filters and windows in plain words; personalization/rules/event_values.py says the same.

const MISSING = "…";

/** Six digits, as Python's "g" writes them. */
function general(number) {
  const [digits, power] = number.toExponential(5).split("e");
  if (number === 0 || (power >= -4 && power < 6)) return String(Number(number.toPrecision(6)));
  const size = String(Math.abs(power)).padStart(2, "0");
  return `${Number(digits)}e${power < 0 ? "-" : "+"}${size}`;
}

/** A number as a sentence has it. */
export function numberWord(text) {
  if (/^-?\d+$/.test(text)) return text;
  const number = Number(text);
  return text.trim() === "" || !Number.isFinite(number) ? MISSING : general(number);
}

/** A slug as words. */
export function readable(slug) {
  const words = slug.replace(/[-_]/g, " ");
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

function datesWords(from, to) {
  if (!to) return from ? `from ${from} on` : MISSING;
  return from ? `from ${from} to ${to}` : `until ${to}`;
}

/** Of the windows that are said from more than their unit. */
const WINDOWS = {
  dates: (of) => `${datesWords(of("from"), of("to"))} (${of("zone") || MISSING})`,
  visits: (of) => (Number(of("visits")) === 1 ? "in the last visit" : `in the last ${numberWord(of("visits"))} visits`),
  since: (of, categories) => {
    const category = of("category");
    const named = category && ` in ${Object.hasOwn(categories, category) ? categories[category] : readable(category)}`;
    return `since the last ${of("type").replaceAll("_", " ") || MISSING}${named}`;
  },
};

function windowWords(name, values, { units, windows, categories }) {
  const unit = values[`${name}_unit`];
  if (Object.hasOwn(WINDOWS, unit)) return WINDOWS[unit]((part) => values[`${name}_${part}`] ?? "", categories);
  if (!(unit in units)) {
    const zone = unit.includes(":") ? ` (${values[`${name}_zone`] || MISSING})` : "";
    return (windows[unit] ?? MISSING) + zone;
  }
  const minutes = Number(values[`${name}_amount`] || NaN) * units[unit];
  if (!Number.isInteger(minutes) || minutes <= 0) return `within ${MISSING} ${unit}`;
  const said = Object.keys(units).find((longer) => minutes % units[longer] === 0);
  const number = minutes / units[said];
  return `within ${number} ${number === 1 ? said.slice(0, -1) : said}`;
}

/** The name of an event's field; a property goes by its own. */
export function fieldWords(field, { fields, property }) {
  if (Object.hasOwn(fields, field)) return fields[field];
  return (field.startsWith(property) ? field.slice(property.length) : field).replaceAll("_", " ");
}

function valueWord(text, kind) {
  if (kind === "number") return numberWord(text.trim());
  return kind === "boolean" ? text.trim().toLowerCase() : `“${text}”`;
}

function filterWords(start, values, parts) {
  const field = values[`${start}field`];
  const operator = values[`${start}operator`];
  const at = field.lastIndexOf("|");
  const kind = field.slice(at + 1);
  const given = values[`${start}values`] ?? [];
  const joint = operator === "between" ? " and " : ", ";
  const said = given.map((text) => valueWord(text, kind)).join(joint) || MISSING;
  const words = (parts.operators[operator] ?? MISSING).replace("{}", () => said);
  return `${fieldWords(field.slice(0, at), parts)} ${words}`;
}

function filtersWords(name, values, parts) {
  const starts = Array.from({ length: parts.max_filters + 1 }, (_, number) => `${name}${number}_`);
  const said = starts
    .filter((start) => values[`${start}field`])
    .map((start) => filterWords(start, values, parts));
  return said.length ? ` where ${said.join(" and ")}` : "";
}

/** What a field that has parts says; `type` is where, window or event_field. */
export function partWords(type, name, values, parts) {
  if (type === "window") return windowWords(name, values, parts);
  if (type === "where") return filtersWords(name, values, parts);
  return fieldWords(values[name] ?? "", parts) || MISSING;
}
