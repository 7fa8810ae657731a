/** One message: a prompt as a quiet card, or an answer in the full column. Shows at most once a frame. */
import { copyText } from "../lib/copy.js";
import { clone } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { words } from "../lib/words.js";
import { selectedIn } from "../lib/selection.js";
import { AnswerView } from "./answer_view.js";
import { askToOpen } from "./outward_link.js";
import { PromptView } from "./prompt_view.js";

export class MessageItem extends PageElement {
  #message = null;
  #view = null;
  #element = null;
  #isDue = false;

  attach(message, conversation) {
    this.#message = message;
    this.dataset.id = message.id;
    const { element, parts } = clone(message.role === "user" ? "prompt-message" : "answer-message");
    const View = message.role === "user" ? PromptView : AnswerView;
    this.#view = new View({ item: this, parts, message, conversation });
    this.#element = element;
    this.append(element);
    message.addEventListener("change", () => this.refresh());
    this.addEventListener("click", (event) => this.#act(event));
    this.addEventListener("click", (event) => this.#ask(event));
    this.#show();
  }

  /** Show what has changed, with the next frame. */
  refresh() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#show();
      this.tell("messages-changed");
    });
  }

  #show() {
    this.#element.dataset.state = this.#message.state;
    this.#view.show();
  }

  #ask(event) {
    const link = event.target.closest(".prose a[href]");
    if (!link) return;
    event.preventDefault();
    askToOpen(link, (text) => this.tell("toast", text));
  }

  /** Copy a text and say what became of it. */
  async copy(text) {
    this.tell("toast", words((await copyText(text)) ? "copy.done" : "copy.failed"));
  }

  #act(event) {
    const button = event.target.closest("[data-copy], [data-ref=copy], [data-ref=quote]");
    if (!button) return;
    if (button.dataset.ref === "quote") this.tell("quote", selectedIn(this) || this.#message.text);
    else this.copy(button.dataset.copy === "code" ? codeOf(button) : this.#message.text);
  }
}

function codeOf(button) {
  return button.closest("figure").querySelector("pre").textContent;
}

customElements.define("message-item", MessageItem);
