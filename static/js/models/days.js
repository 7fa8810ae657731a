/** Conversations grouped by the day of their last message, as the reader's calendar has it. */

/**
 * Return `[{key, year?, month?, items}]`, empty groups left out. `key` is `today`, `yesterday`, `week`, `month` or the
 * group of one calendar month (`earlier`). `items` have `updated_at` in seconds and come newest first.
 */
export function groupByDay(items, now) {
  const groups = new Map();
  for (const item of items) {
    const group = groupOf(new Date(1000 * item.updated_at), now);
    const name = `${group.key} ${group.year ?? ""} ${group.month ?? ""}`;
    if (!groups.has(name)) groups.set(name, { ...group, items: [] });
    groups.get(name).items.push(item);
  }
  return [...groups.values()];
}

function groupOf(date, now) {
  const days = Math.round((startOfDay(now) - startOfDay(date)) / 86_400_000);
  if (days <= 0) return { key: "today" };
  if (days === 1) return { key: "yesterday" };
  if (days <= 7) return { key: "week" };
  if (days <= 30) return { key: "month" };
  return { key: "earlier", year: date.getFullYear(), month: date.getMonth() };
}

function startOfDay(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
