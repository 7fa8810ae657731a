/** Bringing back what was just deleted. */
import { words } from "../lib/words.js";

/** Say `text` with a button that calls `undo()`, which fails where it is too late. */
export function offerUndo(toasts, text, undo) {
  const act = async () => {
    const isBack = await undo().then(
      () => true,
      () => false,
    );
    toasts.say(words(isBack ? "delete.undone" : "delete.too_late"));
  };
  toasts.say(text, { label: words("delete.undo"), act });
}
