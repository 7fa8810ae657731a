/** Links in answers open on purpose only: the whole address is shown first, and the reader decides. */
import { copyText } from "../lib/copy.js";
import { askDialog, setText } from "../lib/dom.js";
import { words } from "../lib/words.js";

/** Ask whether a link's address is to be opened; `tell(text)` says what became of copying it. */
export function askToOpen(link, tell) {
  const dialog = document.getElementById("link-dialog");
  const part = (ref) => dialog.querySelector(`[data-ref=${ref}]`);
  const [open, copy] = [part("linkOpen"), part("linkCopy")];
  // As the browser understands it: with the host in ASCII, so that no letter passes for another.
  open.href = link.href;
  setText(part("linkAddress"), open.href);
  const ended = new AbortController();
  open.addEventListener("click", () => dialog.close(), { signal: ended.signal });
  const say = async () => tell(words((await copyText(open.href)) ? "copy.done" : "copy.failed"));
  copy.addEventListener("click", () => dialog.close() ?? say(), { signal: ended.signal });
  return askDialog("link-dialog").finally(() => ended.abort());
}
