/** Moving in the sidebar by keys: arrows, Home and End between rows; F2 renames, Delete deletes, the menu key opens. */

const STEPS = { ArrowDown: 1, ArrowUp: -1, Home: -Infinity, End: Infinity };

/** Handle a key in `root`; `rows` are `ConversationRow`s by id. */
export function moveAmongRows(event, root, rows) {
  const link = event.target.closest(".conversation-link");
  if (!link || event.ctrlKey || event.metaKey || event.altKey) return;
  const row = rows.get(link.closest("[data-id]").dataset.id);
  if (event.key in STEPS) step(link, STEPS[event.key], root);
  else if (event.key === "F2") row.rename();
  else if (event.key === "Delete") row.remove();
  else if (event.key === "ContextMenu" || (event.key === "F10" && event.shiftKey)) row.menu();
  else return;
  event.preventDefault();
}

function step(link, by, root) {
  const links = [...root.querySelectorAll(".conversation-link")];
  const index = Math.min(Math.max(links.indexOf(link) + by, 0), links.length - 1);
  link.tabIndex = -1;
  links[index].tabIndex = 0;
  links[index].focus();
}
