/** Files beside what is being written: chosen, dropped or pasted, with what becomes of each. */
import { icon, make } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { bytes } from "../lib/format.js";
import { faultWords, words } from "../lib/words.js";
import { documentWords } from "./attachment_card.js";

export class AttachmentTray extends PageElement {
  #uploads = null;
  #said = "";

  connected() {
    const { picker } = this.parts;
    this.listen(picker, "change", () => {
      this.#uploads?.add(picker.files);
      picker.value = "";
    });
  }

  /** Take files from the picker, from whatever is dropped on `room`, and from what is pasted into `field`. */
  attach(uploads, { room, field, button }) {
    this.#uploads = uploads;
    this.listen(uploads, "change", () => this.#show());
    this.listen(button, "click", () => this.parts.picker.click());
    this.listen(field, "paste", (event) => this.#take(event, event.clipboardData));
    const mark = (isOver) => room.classList.toggle("is-file-drop", isOver);
    this.listen(room, "dragover", (event) => {
      if (!event.dataTransfer.types.includes("Files")) return;
      event.preventDefault();
      mark(true);
    });
    this.listen(room, "dragleave", (event) => !room.contains(event.relatedTarget) && mark(false));
    this.listen(room, "drop", (event) => {
      mark(false);
      this.#take(event, event.dataTransfer);
    });
  }

  #take(event, { files }) {
    if (files.length === 0) return;
    event.preventDefault();
    this.#uploads.add(files);
  }

  #show() {
    const { list, status } = this.parts;
    const { items } = this.#uploads;
    list.hidden = items.length === 0;
    list.replaceChildren(...items.map((item) => this.#row(item)));
    const ended = items.filter(({ state }) => state === "ready" || state === "failed");
    const said = ended.map((item) => `${item.name}: ${stateWords(item)}`).join(" ");
    if (said !== this.#said) status.textContent = said;
    this.#said = said;
    this.tell("attachments-changed");
  }

  #row(item) {
    const name = make("span", { className: "attachment-name", text: item.name });
    name.translate = false;
    const note = make("span", { className: "attachment-note", text: stateWords(item) });
    const remove = make("button", { className: "icon-button is-small", children: [icon("x")] });
    remove.type = "button";
    remove.setAttribute("aria-label", words("attachment.remove", { name: item.name }));
    remove.addEventListener("click", () => this.#uploads.remove(item.id));
    const text = make("span", { className: "attachment-text", children: [name, note] });
    const row = make("li", {
      className: "attachment",
      children: [icon(item.told?.kind === "image" ? "image" : "file-text"), text, remove],
    });
    row.classList.toggle("is-failed", item.state === "failed");
    if (item.state === "sending") {
      const progress = document.createElement("progress");
      progress.value = item.done;
      progress.setAttribute("aria-label", item.name);
      text.append(progress);
    }
    return row;
  }
}

function stateWords({ state, code, file, told }) {
  if (state === "failed") return faultWords(code);
  if (state === "ready") return documentWords(told);
  return words(`attachment.${state}`, { size: bytes(file.size) });
}

customElements.define("attachment-tray", AttachmentTray);
