/** One conversation in the sidebar: opened, dragged, renamed where it stands. */
import { clone, make, setText } from "../lib/dom.js";
import { words } from "../lib/words.js";

export class ConversationRow {
  element;
  #parts;
  #tell;
  #item = null;

  /** `tell(type, detail)` tells those above. */
  constructor(item, tell) {
    const { element, parts } = clone("conversation-row");
    this.element = element;
    this.#parts = parts;
    this.#tell = tell;
    const { conversation: id } = item;
    element.dataset.id = id;
    parts.link.href = `/c/${id}/`;
    parts.link.addEventListener("click", (event) => this.#open(event));
    parts.link.addEventListener("dragstart", (event) => this.#drag(event));
    parts.link.addEventListener("dblclick", () => this.rename());
    parts.more.addEventListener("click", () => this.menu());
    this.show(item);
  }

  show(item) {
    if (item === this.#item) return;
    this.#item = item;
    setText(this.#parts.link, item.title || words("title.none"));
    this.#parts.link.title = item.title ?? "";
  }

  menu() {
    this.#tell("conversation-menu", { id: this.#item.conversation, control: this.#parts.more, row: this });
  }

  remove() {
    this.#tell("conversation-deleted", { id: this.#item.conversation });
  }

  /** Let the title be written in its place: Enter and leaving keep it, Escape does not. */
  rename() {
    const { link } = this.#parts;
    const field = make("input", { className: "rename-field" });
    Object.assign(field, { value: this.#item.title ?? "", maxLength: 200, autocomplete: "off", spellcheck: false });
    field.setAttribute("aria-label", words("row.rename"));
    field.setAttribute("translate", "no");
    let isOver = false;
    const end = (isKept) => {
      if (isOver) return;
      isOver = true; // leaving the page takes the focus, too
      const title = field.value.toWellFormed().trim();
      link.hidden = false;
      field.remove();
      link.focus();
      this.#tell("rename-ended");
      if (isKept && title && title !== this.#item.title) {
        this.#tell("conversation-renamed", { id: this.#item.conversation, title });
      }
    };
    field.addEventListener("blur", () => end(true));
    field.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.isComposing || event.keyCode === 229) return;
      if (event.key !== "Enter" && event.key !== "Escape") return;
      event.preventDefault(); // or it would open the link that has the focus then
      end(event.key === "Enter");
    });
    link.hidden = true;
    link.before(field);
    field.select();
  }

  #open(event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.#tell("open-conversation", this.#item.conversation);
  }

  #drag(event) {
    event.dataTransfer.clearData();
    event.dataTransfer.setData("application/x-confchat-conversation", this.#item.conversation);
    event.dataTransfer.effectAllowed = "move";
  }
}
