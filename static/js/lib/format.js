/** Times, durations and digests as people read them. */
import { LANGUAGE } from "../language.js";
import { words } from "./words.js";

/** "12 seconds ago", in the page's language. */
export function ago(ms, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - ms) / 1000));
  const format = new Intl.RelativeTimeFormat(LANGUAGE, { numeric: "auto" });
  if (seconds < 60) return format.format(-seconds, "second");
  if (seconds < 3600) return format.format(-Math.round(seconds / 60), "minute");
  return format.format(-Math.round(seconds / 3600), "hour");
}

export function clockTime(date) {
  return new Intl.DateTimeFormat(LANGUAGE, { timeStyle: "medium" }).format(date);
}

export function dateTime(date) {
  return new Intl.DateTimeFormat(LANGUAGE, { dateStyle: "medium", timeStyle: "medium" }).format(date);
}

/** When something opens again, within a day or so: the weekday and the time here. */
export function weekdayTime(date) {
  return new Intl.DateTimeFormat(LANGUAGE, { weekday: "long", hour: "2-digit", minute: "2-digit" }).format(date);
}

export function monthName(year, month) {
  return new Intl.DateTimeFormat(LANGUAGE, { month: "long", year: "numeric" }).format(new Date(year, month, 1));
}

export function duration(ms) {
  const s = Math.max(1, Math.round(ms / 1000));
  return s < 60 ? words("duration.s", { s }) : words("duration.min", { min: Math.floor(s / 60), s: s % 60 });
}

export function number(value) {
  return new Intl.NumberFormat(LANGUAGE).format(value);
}

/** Bytes in the unit that fits, as disks are sold: 42.5 GB. */
export function bytes(count) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, count)) / 3));
  const unitDisplay = power === 0 ? "long" : "short"; // the short word for bytes knows no plural
  const options = { style: "unit", unit: units[power], unitDisplay, maximumFractionDigits: 1 };
  return new Intl.NumberFormat(LANGUAGE, options).format(count / 1000 ** power);
}

export function list(items) {
  return new Intl.ListFormat(LANGUAGE, { type: "conjunction" }).format(items);
}

/** The two ends of a long digest. */
export function shortened(text, ends = 12) {
  return text.length > 2 * ends + 1 ? `${text.slice(0, ends)}…${text.slice(-ends)}` : text;
}
