/** The doors to the history key: its dialogs are fetched when they are first opened. */

/** Open them for whoever asks: the user's menu, a notice, the locked composer. */
export function openKeys(app, chat) {
  const find = (name) => app.querySelector(name);
  const openKey = () => import("./key_dialog.js").then(() => find("key-dialog").open(chat));
  const openLock = () => import("./unlock_dialog.js").then(() => find("unlock-dialog").open(chat));
  find("#show-key").addEventListener("click", openKey);
  app.addEventListener("key-wanted", openKey);
  app.addEventListener("unlock-wanted", openLock);
}
