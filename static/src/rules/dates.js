// Days, moments and times of day by the clocks of a zone, as personalization/rules/dates.py reads
// them. Instants are seconds since 1970 UTC.

export const UNITS = { minutes: 60, hours: 3600, days: 86400, weeks: 604800 };
export const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
export const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

const DAY = 86400;
const WRITTEN = /^([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T([0-9]{2}):([0-9]{2}))?$/;
/** What clocks say later is not asked. */
const LAST = Date.UTC(2201, 0, 1) / 1000 - DAY;

const formats = new Map();

/** What a zone's clocks show at an instant, as the instant at which UTC's show it, whole seconds. */
function shown(at, zone) {
  if (!formats.has(zone)) {
    const numeric = Object.fromEntries(["year", "month", "day", "hour", "minute", "second"].map((part) => [part, "numeric"]));
    formats.set(zone, new Intl.DateTimeFormat("en-US", { ...numeric, timeZone: zone, hourCycle: "h23" }));
  }
  const parts = {};
  for (const { type, value } of formats.get(zone).formatToParts(Math.floor(at) * 1000)) parts[type] = +value;
  return Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second) / 1000;
}

/** The instant a date (its midnight) or a moment names; null for none. What clocks show twice is the
 *  first of the two, what they leave out is read by the offset before. */
export function instantOf(text, zone) {
  const [, year, month, day, hour = 0, minute = 0] = (WRITTEN.exec(text) ?? []).map((part) => part && +part);
  const wall = Date.UTC(year, month - 1, day, hour, minute) / 1000;
  const read = new Date(wall * 1000);
  const isThere = year >= 1970 && year <= 2200 && hour < 24 && minute < 60;
  if (!isThere || read.getUTCMonth() !== month - 1 || read.getUTCDate() !== day) return null;
  const offset = (at) => shown(at, zone) - at;
  const [before, after] = [offset(wall - DAY), offset(wall + DAY)];
  const isAfter = offset(wall - before) !== before && offset(wall - after) === after;
  return wall - (isAfter ? after : before);
}

/** What a zone's clocks show: `{date, day, month, minute}`; null beyond the years that are asked. */
export function localAt(at, zone) {
  if (!(at >= 0 && at < LAST)) return null;
  const local = new Date(shown(at, zone) * 1000);
  return {
    date: local.toISOString().slice(0, 10),
    day: local.getUTCDay(),
    month: local.getUTCMonth(),
    minute: local.getUTCHours() * 60 + local.getUTCMinutes(),
  };
}

const minutes = (text) => text.slice(0, 2) * 60 + +text.slice(3);

export function isWithinDay(local, { time, to_time }) {
  const [start, end] = [minutes(time), minutes(to_time)];
  return start < end ? start <= local.minute && local.minute < end : local.minute >= start || local.minute < end;
}

/** What lies after midnight belongs to the day before. */
export function isWithinWeek(local, leaf) {
  const end = minutes(leaf.to_time);
  const isNext = end <= minutes(leaf.time) && local.minute < end;
  return isWithinDay(local, leaf) && leaf.weekdays.includes(WEEKDAYS[(local.day + (isNext ? 6 : 0)) % 7]);
}

/** 29 February returns on 28 February in other years. */
export function isAnniversary(then, today) {
  if (!(then.date.slice(0, 4) < today.date.slice(0, 4))) return false;
  const day = then.date.slice(5);
  const isLeap = new Date(Date.UTC(+today.date.slice(0, 4), 1, 29)).getUTCDate() === 29;
  return today.date.slice(5) === (day === "02-29" && !isLeap ? "02-28" : day);
}
