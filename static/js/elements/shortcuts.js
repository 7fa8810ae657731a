/**
 * Keys that work everywhere: Ctrl or ⌘ with K opens the palette; single keys act outside of text fields, where their
 * user leaves them on. Palette and sheet are fetched when they are first wanted.
 */
import { isCommand, isSingle } from "../lib/keyboard.js";
import { fetchPart } from "../lib/parts.js";
import { tell } from "./commands.js";

const KEPT = "confchat.single-keys";

/** Whether single keys act: a choice of this browser. */
class SingleKeys {
  #storage;

  constructor(storage) {
    this.#storage = storage;
  }

  get isOn() {
    return this.#storage.getItem(KEPT) !== "off";
  }

  set isOn(isOn) {
    this.#storage.setItem(KEPT, isOn ? "on" : "off");
  }
}

/** Listen for keys, and for the buttons that open the same. */
export function openShortcuts(app, chat, storage) {
  const find = (selector) => app.querySelector(selector);
  const singleKeys = new SingleKeys(storage);
  const fetched = (load, open) => fetchPart(load).then(open, (error) => tell(app, "fault", error));
  const loadPalette = () => import("./command_palette.js");
  const toggle = () => find("command-palette").toggle(app, chat);
  const openPalette = () => (customElements.get("command-palette") ? toggle() : fetched(loadPalette, toggle));
  const openSheet = () =>
    fetched(
      () => import("./shortcut_sheet.js"),
      () => find("shortcut-sheet").open(singleKeys),
    );
  const search = (query) => searchFor(app, query);
  const acts = {
    "?": openSheet,
    n: () => app.parts.newChat.click(),
    s: () => search(""),
    m: () => find("#prompt").focus(),
    v: () => find("trust-badge [data-ref=badge]").click(),
    j: () => stepAmongMessages(app, 1),
    k: () => stepAmongMessages(app, -1),
  };
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.repeat || event.defaultPrevented) return;
    if (event.key === "Control" || event.key === "Meta") loadPalette().catch(() => {}); // told when it is wanted
    const isPalette = isCommand(event, "k");
    const act = isPalette ? openPalette : singleKeys.isOn && isSingle(event) && acts[event.key];
    if (!act) return;
    event.preventDefault();
    if (!isPalette || !document.querySelector(":modal:not(.palette)")) act();
  });
  find("#show-palette").addEventListener("click", openPalette);
  find("#show-shortcuts").addEventListener("click", openSheet);
  app.addEventListener("search-wanted", ({ detail }) => search(detail));
}

/** Go to the search field, which stands in a drawer on narrow screens, and look for something at once. */
function searchFor(app, query) {
  const { openSidebar, sidebar } = app.parts;
  if (sidebar.inert) openSidebar.click();
  const field = app.querySelector("conversation-search input");
  field.focus();
  if (!query) return field.select();
  field.value = query;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

/** The next message, or the one before, gets the focus, so that it is read and its buttons come next. */
function stepAmongMessages(app, by) {
  const messages = [...app.querySelectorAll("message-list article")];
  if (messages.length === 0) return;
  const current = messages.indexOf(document.activeElement?.closest("message-list article"));
  const from = current === -1 ? (by > 0 ? -1 : messages.length) : current;
  const next = messages[Math.min(Math.max(from + by, 0), messages.length - 1)];
  next.tabIndex = -1;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}
