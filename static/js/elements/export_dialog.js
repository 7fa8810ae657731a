/** One conversation taken out: to a file, or onto paper. Made in this browser of what the sealed session brings. */
import { saveFile } from "../lib/copy.js";
import { showText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { exportNames } from "../lib/export_words.js";
import { errorWords } from "../lib/error_words.js";
import { words } from "../lib/words.js";
import { collect, toMarkdown } from "../models/transfer/export.js";
import { showPrintPage } from "./print_page.js";

export class ExportDialog extends PageElement {
  #chat = null;
  #item = null;
  #isBusy = false;

  connected() {
    const { markdown, json, print } = this.parts;
    this.listen(markdown, "click", () => this.#try((found) => save(found, "md", toMarkdown(found, exportNames()))));
    this.listen(json, "click", () => this.#try((found) => save(found, "json", JSON.stringify(found))));
    this.listen(print, "click", () => this.#try((found) => showPrintPage(found.conversations[0], exportNames())));
  }

  /** Open it for a conversation. */
  open(chat, id) {
    this.#chat = chat;
    this.#item = chat.conversations.find(id);
    showText(this.parts.said, "");
    this.parts.dialog.showModal();
  }

  async #try(act) {
    if (this.#isBusy) return;
    this.#isBusy = true;
    showText(this.parts.said, words("export.reading"));
    try {
      const { session, conversations } = this.#chat;
      const folders = conversations.folders.filter(({ folder }) => folder === this.#item.folder);
      const found = await collect(session, [this.#item], { folders, now: Date.now() });
      this.parts.dialog.close();
      act(found);
    } catch (error) {
      showText(this.parts.said, errorWords(error));
    } finally {
      this.#isBusy = false;
    }
  }
}

/** A file's name says no title: browsers list what was downloaded. */
function save(found, kind, text) {
  saveFile(`confchat-${found.exported_at.slice(0, 10)}.${kind}`, text);
}

customElements.define("export-dialog", ExportDialog);
