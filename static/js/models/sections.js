/** How conversations stand in the sidebar: pinned, by folder, by day, and what was put away. */
import { groupByDay } from "./days.js";

/**
 * Return `[{key, id, name?, year?, month?, items}]`. `key` is `pinned`, `folder`, `archive` or a day's (see `days.js`);
 * `id` is unique. Folders stand here even when empty, other sections only with something in them.
 */
export function sections(items, folders, now) {
  const known = new Set(folders.map(({ folder }) => folder));
  const kept = items.filter(({ archived }) => !archived);
  const isLoose = ({ pinned, folder }) => !pinned && !known.has(folder);
  const days = groupByDay(kept.filter(isLoose), now);
  return [
    ...filled({ key: "pinned", id: "pinned", items: kept.filter(({ pinned }) => pinned) }),
    ...folders.map(({ folder, name }) => ({
      key: "folder",
      id: folder,
      name,
      items: kept.filter((item) => item.folder === folder && !item.pinned),
    })),
    ...days.map((group) => ({ ...group, id: `${group.key}/${group.year ?? ""}/${group.month ?? ""}` })),
    ...filled({ key: "archive", id: "archive", items: items.filter(({ archived }) => archived) }),
  ];
}

function filled(section) {
  return section.items.length ? [section] : [];
}
