/** The doors to the history key: its dialogs are fetched when they are first opened. */

import { fetchPart } from "../lib/parts.js";

/** Open them for whoever asks: the user's menu, a notice, the locked composer. */
export function openKeys(app, chat) {
  const find = (name) => app.querySelector(name);
  const fail = (detail) => app.dispatchEvent(new CustomEvent("fault", { detail }));
  const door = (name, load) => () =>
    fetchPart(load)
      .then(() => find(name).open(chat))
      .catch(fail);
  const openKey = door("key-dialog", () => import("./key_dialog.js"));
  const openLock = door("unlock-dialog", () => import("./unlock_dialog.js"));
  find("#show-key").addEventListener("click", openKey);
  app.addEventListener("key-wanted", openKey);
  app.addEventListener("unlock-wanted", openLock);
}
