// How a measured value is compared: one table for each type, as personalization/rules/operators has
// them. Every entry gets (measured, the condition, now) of a value there is; only PRESENCE answers
// where nothing is known (null) or nothing is set (NOT_SET).
import { MONTHS, UNITS, WEEKDAYS, instantOf, isAnniversary, isWithinDay, isWithinWeek, localAt } from "./dates.js";
import { compose, fold, length, matches } from "./texts.js";
import { order, versionOf, versionOrder } from "./versions.js";

export const NOT_SET = Symbol("not set");

const known = (answer) => (measured) => (measured === null ? null : answer(measured));

export const PRESENCE = {
  is_set: known((measured) => measured !== NOT_SET),
  is_not_set: known((measured) => measured === NOT_SET),
  is_empty: known((measured) => measured !== NOT_SET && !measured.length),
  is_unknown: (measured) => measured === null,
};

/** Comparisons by an order of two values; `read` makes one of what the condition says. */
const ordered = (compare, read) => {
  const by = (holds) => (measured, { value }) => holds(compare(measured, read(value)));
  return {
    ">=": by((found) => found >= 0),
    ">": by((found) => found > 0),
    "<=": by((found) => found <= 0),
    "<": by((found) => found < 0),
    "=": by((found) => found === 0),
    "!=": by((found) => found !== 0),
    between: (measured, { value, to }) => compare(measured, read(value)) >= 0 && compare(measured, read(to)) <= 0,
  };
};

/** `holds` gets the measured text and the condition's own ones, as they are compared. */
const text = (field, holds) => (measured, leaf) => {
  const same = leaf.match_case ? compose : fold;
  return holds(same(measured), [].concat(leaf[field]).map(same));
};
const not = (test) => (...given) => !test(...given);

const equals = text("value", (measured, [value]) => measured === value);
const isIn = text("values", (measured, values) => values.includes(measured));
const contains = text("value", (measured, [value]) => measured.includes(value));

const TEXT = {
  equals,
  not_equals: not(equals),
  in: isIn,
  not_in: not(isIn),
  contains,
  not_contains: not(contains),
  contains_any: text("values", (measured, values) => values.some((value) => measured.includes(value))),
  contains_all: text("values", (measured, values) => values.every((value) => measured.includes(value))),
  starts_with: text("value", (measured, [value]) => measured.startsWith(value)),
  ends_with: text("value", (measured, [value]) => measured.endsWith(value)),
  matches: text("pattern", (measured, [pattern]) => matches(measured, pattern)),
  length_at_least: (measured, leaf) => length(measured) >= leaf.length,
  length_at_most: (measured, leaf) => length(measured) <= leaf.length,
  length_is: (measured, leaf) => length(measured) === leaf.length,
};

const collection = (holds) => (measured, { values }) => {
  const found = measured.map(fold);
  return holds(values.map(fold), (value) => found.includes(value));
};

const COLLECTION = {
  any_of: collection((values, isFound) => values.some(isFound)),
  all_of: collection((values, isFound) => values.every(isFound)),
  none_of: collection((values, isFound) => !values.some(isFound)),
  size_at_least: (measured, { size }) => measured.length >= size,
  size_at_most: (measured, { size }) => measured.length <= size,
  size_is: (measured, { size }) => measured.length === size,
};

const span = ({ amount, unit }) => amount * UNITS[unit];
/** Of what clocks show; nothing holds beyond the years that are asked. */
const local = (holds) => (at, leaf) => {
  const found = localAt(at, leaf.zone);
  return found !== null && holds(found, leaf);
};

const DATE = {
  before: (at, { moment, zone }) => at < instantOf(moment, zone),
  after: (at, { moment, zone }) => at >= instantOf(moment, zone),
  between: (at, { moment, to_moment, zone }) => instantOf(moment, zone) <= at && at < instantOf(to_moment, zone),
  on: local((found, { date }) => found.date === date),
  weekday: local((found, { weekdays }) => weekdays.includes(WEEKDAYS[found.day])),
  month: local((found, { months }) => months.includes(MONTHS[found.month])),
  time_of_day: local(isWithinDay),
  weekly: local(isWithinWeek),
  within_last: (at, leaf, now) => now - span(leaf) < at && at <= now,
  more_than_ago: (at, leaf, now) => at <= now - span(leaf),
  within_next: (at, leaf, now) => now < at && at <= now + span(leaf),
  anniversary: (at, { zone }, now) => {
    const [then, today] = [localAt(at, zone), localAt(now, zone)];
    return then !== null && today !== null && isAnniversary(then, today);
  },
};

export const OPERATORS = {
  number: ordered(order, (value) => value),
  version: ordered(versionOrder, versionOf),
  text: TEXT,
  collection: COLLECTION,
  date: DATE,
};
