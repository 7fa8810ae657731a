/** The user's data: for how long it is kept, out to a file, in from one, and gone. */
import { saveFile } from "../lib/copy.js";
import { askDialog, setText, showText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { exportNames } from "../lib/export_words.js";
import { faultWords, words } from "../lib/words.js";
import { Retention } from "../models/retention.js";
import { collect, toMarkdown } from "../models/transfer/export.js";
import { MAX_FILE_BYTES, readExport } from "../models/transfer/import.js";
import { upload } from "../models/transfer/upload.js";
import { offerUndo } from "./undo.js";

const DAY_S = 86_400;

export class DataDialog extends PageElement {
  #chat = null;
  #toasts = null;
  #isBusy = false;
  #retention = null;

  connected() {
    const { days, keepDays, exportJson, exportMarkdown, importFile, file, deleteAll } = this.parts;
    this.listen(days, "change", () => this.#choose(Number(days.value) || null));
    this.listen(keepDays, "click", () => this.#try(() => this.#saveRetention()));
    this.listen(exportJson, "click", () => this.#try(() => this.#export("json")));
    this.listen(exportMarkdown, "click", () => this.#try(() => this.#export("md")));
    this.listen(importFile, "click", () => file.click());
    this.listen(file, "change", () => this.#try(() => this.#import(file.files[0])));
    this.listen(deleteAll, "click", () => this.#try(() => this.#deleteAll()));
  }

  /** Open it; `{chat, toasts}`. */
  async open({ chat, toasts }) {
    this.#chat = chat;
    this.#toasts = toasts;
    this.#retention = new Retention(chat.session);
    showText(this.parts.progress, "");
    this.#showRetention();
    document.getElementById("data-dialog").showModal();
    try {
      await this.#retention.load(); // meanwhile all else can be begun, this choice too
      this.#showRetention();
    } catch (error) {
      this.#tell(faultWords(error.code));
    }
  }

  #choose(days) {
    this.#retention.choose(days);
    this.#showRetention();
  }

  async #saveRetention() {
    await this.#retention.save();
    this.#showRetention();
    this.parts.days.focus();
  }

  #showRetention() {
    const { shown, isUnsaved, installationDays: most } = this.#retention;
    const { days, keepDays, installation } = this.parts;
    if (shown === undefined) days.selectedIndex = -1;
    else days.value = String(shown ?? "");
    keepDays.hidden = !isUnsaved;
    showText(installation, most ? words("data.installation", { days: most }) : "");
  }

  async #export(kind) {
    const { session, conversations } = this.#chat;
    const { items, folders } = conversations;
    const onProgress = (done, count) => this.#tell(words("data.progress", { done, count }));
    const found = await collect(session, items, { folders, now: Date.now(), onProgress });
    const text = kind === "json" ? JSON.stringify(found) : toMarkdown(found, exportNames());
    saveFile(`confchat-${found.exported_at.slice(0, 10)}.${kind}`, text);
    this.#tell(words("data.exported", { count: items.length }));
  }

  async #import(file) {
    if (!file) return;
    this.parts.file.value = "";
    if (file.size > MAX_FILE_BYTES) return this.#tell(faultWords("import_large"));
    const found = readExport(await file.text(), { makeId: () => crypto.randomUUID(), now: Date.now() });
    const old = await this.#tooOld(found.conversations);
    if (old) return this.#tell(words("data.too_old", { count: old }));
    const onProgress = (done, count) => this.#tell(words("data.progress", { done, count }));
    const own = this.#chat.conversation.id;
    const refused = await upload(this.#chat.session, found, { own, onProgress });
    await this.#chat.conversations.load({ about: [null] });
    const values = { count: found.conversations.length, names: refused.join(", ") };
    this.#tell(words(refused.length ? "data.imported_without" : "data.imported", values));
  }

  /** How many of these would be deleted at once, because only newer ones are kept. */
  async #tooOld(conversations) {
    const { days, installation_days: most } = await this.#chat.session.ask({ type: "retention.get" });
    const limit = Math.min(days ?? Infinity, most ?? Infinity);
    const oldest = Date.now() / 1000 - limit * DAY_S;
    return conversations.filter(({ pinned, updated_at: at }) => !pinned && at < oldest).length;
  }

  async #deleteAll() {
    document.getElementById("data-dialog").close();
    if (!(await askDialog("delete-all-dialog"))) return;
    const { count, undo } = await this.#chat.deleteAll();
    offerUndo(this.#toasts, words("delete.all_done", { count }), undo);
  }

  #tell(text) {
    this.parts.progress.hidden = false;
    setText(this.parts.progress, text);
  }

  /** One thing at a time; what goes wrong is told where it was asked for. */
  async #try(work) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      await work();
    } catch (error) {
      this.#tell(faultWords(error.code));
    } finally {
      this.#isBusy = false;
    }
  }
}

customElements.define("data-dialog", DataDialog);
