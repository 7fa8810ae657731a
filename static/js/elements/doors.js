/** The doors to what is fetched when it is first opened: the details of trust, the user's data, the history key. */
import { fetchPart } from "../lib/parts.js";

/** Open them for whoever asks: buttons, notices, the locked composer. `known` is as the badge has it. */
export function openDoors(app, chat, { known, toasts, signal }) {
  const fail = (error) => toasts.sayFault(error);
  const door =
    (name, load, ...given) =>
    () =>
      fetchPart(load)
        .then(() => app.querySelector(name).open(...given))
        .catch(fail);
  const details = (part) => door("trust-details", () => import("./trust_details.js"), known, part);
  const key = door("key-dialog", () => import("./key_dialog.js"), chat);
  const lock = door("unlock-dialog", () => import("./unlock_dialog.js"), chat);
  const { showData, showLimits } = app.parts;
  const asked = [
    [app, "trust-details", details("body")],
    [showLimits, "click", details("limits")],
    [showData, "click", door("data-dialog", () => import("./data_dialog.js"), { chat, toasts })],
    [app.querySelector("#show-key"), "click", key],
    [app, "key-wanted", key],
    [app, "unlock-wanted", lock],
  ];
  for (const [target, type, open] of asked) target.addEventListener(type, open, { signal });
}
