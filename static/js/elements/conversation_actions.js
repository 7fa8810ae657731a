/** What is done with conversations and folders: menus beside them, and the deeds. */
import { askDialog, placeMenu, setText } from "../lib/dom.js";
import { words } from "../lib/words.js";
import { askFolder, askName } from "./folder_dialogs.js";
import { offerUndo } from "./undo.js";

export class ConversationActions {
  #chat;
  #parts;
  #host;
  #menus = { chat: document.getElementById("chat-menu"), folder: document.getElementById("folder-menu") };
  #target = {};

  /** `host` is `{app, signal, fail(error), toasts, rename(id)}`; `rename` says whether it was done in place. */
  constructor(chat, parts, host) {
    [this.#chat, this.#parts, this.#host] = [chat, parts, host];
    this.#listen(host);
    const { app, signal } = host;
    const exportOne = (id) => app.tell("export-wanted", id);
    const deeds = { rename: this.#rename, pin: this.#pin, archive: this.#archive, move: this.#move };
    const others = { delete: this.remove, renameFolder: this.#renameFolder, deleteFolder: this.#deleteFolder };
    for (const [name, deed] of Object.entries({ ...deeds, ...others, exportOne })) {
      parts[name].addEventListener("click", () => this.#choose(deed), { signal });
    }
    for (const menu of document.querySelectorAll(".menu[popover]")) {
      menu.addEventListener("toggle", ({ newState }) => this.#toggled(menu, newState === "open"), { signal });
    }
  }

  /** What the sidebar tells. */
  #listen({ app, signal, fail }) {
    const on = (type, act) => app.addEventListener(type, ({ detail }) => act(detail), { signal });
    on("conversation-menu", ({ id, control }) => this.open(id, control));
    on("conversation-aimed", ({ id, control }) => this.aim(id, control));
    on("folder-menu", ({ id, control }) => this.openFolder(id, control));
    on("conversation-renamed", ({ id, title }) => this.#chat.rename(id, title).catch(fail));
    on("conversation-deleted", ({ id }) => this.remove(id));
    on("conversation-moved", ({ conversation, section }) => this.drop(conversation, section));
  }

  /** Open the menu for a conversation beside a control. */
  open(id, control) {
    this.aim(id, control);
    this.#menus.chat.togglePopover({ source: control }); // Tab goes from the control into the menu
  }

  /** Let what is chosen of the menu be done with this conversation. */
  aim(id, control) {
    this.#target = { id, control };
    const { pinned = false, archived = false } = this.#item ?? {};
    setText(this.#parts.pinText, words(pinned ? "row.unpin" : "row.pin"));
    setText(this.#parts.archiveText, words(archived ? "row.unarchive" : "row.archive"));
  }

  openFolder(id, control) {
    this.#target = { id, control };
    this.#menus.folder.togglePopover({ source: control });
  }

  /** Take a conversation out of sight; for some seconds it can be brought back. */
  remove(id) {
    return this.#try(async () => offerUndo(this.#host.toasts, words("delete.done"), await this.#chat.delete(id)));
  }

  /** Put a conversation where it was dropped. */
  drop(id, { key, id: section }) {
    const { conversations } = this.#chat;
    const { pinned, archived } = conversations.find(id);
    return this.#try(async () => {
      if (key === "pinned" || key === "archive") {
        if (key === "pinned") await conversations.pin(id, true);
        else await conversations.archive(id, true);
        return;
      }
      if (pinned) await conversations.pin(id, false);
      if (archived) await conversations.archive(id, false);
      await conversations.move(id, key === "folder" ? section : null);
    });
  }

  /** Make a folder; resolves to its id, or null. */
  async makeFolder() {
    const name = await askName("");
    if (!name) return null;
    const folder = crypto.randomUUID();
    return (await this.#try(() => this.#chat.conversations.nameFolder(folder, name))) ? folder : null;
  }

  get #item() {
    return this.#chat.conversations.find(this.#target.id);
  }

  #choose(deed) {
    this.#menus.chat.hidePopover();
    this.#menus.folder.hidePopover();
    this.#try(() => deed.call(this, this.#target.id));
  }

  async #rename(id) {
    if (this.#target.control.closest("conversation-list") && this.#host.rename(id)) return;
    const field = document.getElementById("rename-field");
    field.value = this.#item?.title ?? "";
    field.select();
    const title = (await askDialog("rename-dialog"))?.get("title").toWellFormed().trim();
    if (title) await this.#chat.rename(id, title);
  }

  #pin(id) {
    return this.#chat.conversations.pin(id, !this.#item.pinned);
  }

  #archive(id) {
    return this.#chat.conversations.archive(id, !this.#item.archived);
  }

  async #move(id) {
    const { conversations } = this.#chat;
    const folder = await askFolder(conversations, this.#item.folder);
    if (folder !== undefined) await conversations.move(id, folder);
  }

  async #renameFolder(id) {
    const { conversations } = this.#chat;
    const name = await askName(conversations.folders.find(({ folder }) => folder === id)?.name ?? "");
    if (name) await conversations.nameFolder(id, name);
  }

  async #deleteFolder(id) {
    await this.#chat.conversations.deleteFolder(id);
    this.#host.toasts.say(words("folder.deleted"));
  }

  #toggled(menu, isOpen) {
    const isOurs = Object.values(this.#menus).includes(menu);
    const control = isOurs ? this.#target.control : document.querySelector(`[popovertarget="${menu.id}"]`);
    if (isOpen) placeMenu(menu, control);
    control?.setAttribute("aria-expanded", String(isOpen));
  }

  async #try(work) {
    try {
      await work();
      return true;
    } catch (error) {
      this.#host.fail(error);
      return false;
    }
  }
}
