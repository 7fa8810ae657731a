/** Questions about folders: their name, and which one a conversation goes to. */
import { askDialog, make } from "../lib/dom.js";
import { words } from "../lib/words.js";

/** Ask for a folder's name; resolves to it, or to nothing. */
export async function askName(name) {
  const field = document.getElementById("folder-field");
  field.value = name;
  field.select();
  return (await askDialog("folder-dialog"))?.get("name").toWellFormed().trim();
}

/** Ask where a conversation goes; resolves to a folder's id, null for none, or undefined. May make a folder. */
export async function askFolder(conversations, current) {
  const choices = [{ folder: "", name: words("folder.none") }, ...conversations.folders];
  const field = document.getElementById("move-field");
  field.replaceChildren(
    ...choices.map(({ folder, name }) => Object.assign(make("option", { text: name }), { value: folder })),
  );
  field.value = choices.some(({ folder }) => folder === current) ? current : "";
  document.getElementById("move-new").value = "";
  const form = await askDialog("move-dialog");
  if (!form) return undefined;
  const name = form.get("name").toWellFormed().trim();
  if (!name) return form.get("folder") || null;
  const folder = crypto.randomUUID();
  await conversations.nameFolder(folder, name);
  return folder;
}
