/** The user's conversations by folder and day. Tells `open-conversation`, `conversation-menu`, `conversation-moved`. */
import { clone, setText, showText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { monthName } from "../lib/format.js";
import { words } from "../lib/words.js";
import { sections } from "../models/sections.js";
import { ConversationRow } from "./conversation_row.js";
import { moveAmongRows } from "./list_keys.js";
import { acceptDrops } from "./list_drop.js";

/** Rows on the page at first, and as many more each time the reader comes near the end. */
const ROWS = 150;

export class ConversationList extends PageElement {
  #conversations = null;
  #current = null;
  #folds = null;
  #rows = new Map();
  #limit = ROWS;

  connected() {
    this.listen(this.parts.groups, "keydown", (event) => moveAmongRows(event, this.parts.groups, this.#rows));
    const nearEnd = new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && this.#showMore(), {
      root: this,
      rootMargin: "600px",
    });
    this.listen(this, "rename-ended", () => this.#show());
    nearEnd.observe(this.parts.end);
    this.signal.addEventListener("abort", () => nearEnd.disconnect());
  }

  /** `folds` remembers which sections are closed. */
  attach({ conversations, folds }) {
    this.#conversations = conversations;
    this.#folds = folds;
    this.listen(conversations, "change", () => this.#show());
    this.#show();
  }

  /** The id of the conversation in view. */
  set current(id) {
    if (id === this.#current) return;
    this.#current = id;
    for (const [known, row] of this.#rows) this.#mark(row.element, known);
  }

  /** Let a conversation's title be written where it stands; says whether it stands here. */
  rename(id) {
    const row = this.#rows.get(id);
    if (!row?.element.isConnected) return false;
    row.rename();
    return true;
  }

  #show() {
    if (this.querySelector(".rename-field")) return; // shown when the title has been written
    const { items, folders, state } = this.#conversations;
    const focused = this.contains(document.activeElement) ? document.activeElement : null;
    let room = this.#limit;
    const shown = [];
    for (const section of sections(items, folders, new Date())) {
      if (room <= 0) break;
      const isOpen = this.#folds.isOpen(section.id, section.key !== "archive");
      const rows = isOpen ? section.items.slice(0, room) : [];
      room -= rows.length;
      shown.push(this.#section(section, rows, isOpen));
    }
    this.parts.groups.replaceChildren(...shown);
    if (focused?.isConnected) focused.focus({ preventScroll: true });
    this.#forget(items);
    this.#setTabStop();
    this.parts.end.hidden = room > 0;
    const isEmpty = state === "loaded" && items.length === 0 && folders.length === 0;
    showText(this.parts.note, state === "hidden" ? words("list.hidden") : isEmpty ? words("list.empty") : "");
  }

  #showMore() {
    this.#limit += ROWS;
    this.#show();
  }

  #section(section, items, isOpen) {
    const isFold = section.key === "folder" || section.key === "archive";
    const { element, parts } = clone(isFold ? "conversation-fold" : "conversation-group");
    setText(parts.name, nameOf(section));
    parts.items.append(...items.map((item) => this.#row(item)));
    if (isFold) this.#fold(section, parts, isOpen);
    acceptDrops(element, (conversation) => this.tell("conversation-moved", { conversation, section }));
    return element;
  }

  #fold({ id, key, items }, { toggle, count, folderMore, items: list, empty }, isOpen) {
    setText(count, words("section.count", { count: items.length }));
    toggle.setAttribute("aria-expanded", String(isOpen));
    list.hidden = !isOpen;
    folderMore.hidden = key !== "folder";
    showText(empty, isOpen && items.length === 0 ? words("folder.empty") : "");
    toggle.addEventListener("click", () => {
      this.#folds.set(id, !isOpen);
      this.#show();
    });
    folderMore.addEventListener("click", () => this.tell("folder-menu", { id, control: folderMore }));
  }

  #row(item) {
    const { conversation: id } = item;
    if (!this.#rows.has(id)) this.#rows.set(id, new ConversationRow(item, (type, detail) => this.tell(type, detail)));
    const row = this.#rows.get(id);
    row.show(item);
    this.#mark(row.element, id);
    return row.element;
  }

  #forget(items) {
    const known = new Set(items.map(({ conversation }) => conversation));
    for (const id of this.#rows.keys()) if (!known.has(id)) this.#rows.delete(id);
  }

  /** One row is a stop of the Tab key; arrow keys go on from there. */
  #setTabStop() {
    const links = [...this.parts.groups.querySelectorAll(".conversation-link")];
    const stop = links.find((link) => link.hasAttribute("aria-current")) ?? links[0];
    for (const link of links) link.tabIndex = link === stop ? 0 : -1;
  }

  #mark(element, id) {
    element.classList.toggle("is-current", id === this.#current);
    const link = element.querySelector("a");
    if (id === this.#current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function nameOf({ key, name, year, month }) {
  if (key === "folder") return name;
  if (key === "pinned" || key === "archive") return words(`section.${key}`);
  return key === "earlier" ? monthName(year, month) : words(`day.${key}`);
}

customElements.define("conversation-list", ConversationList);
