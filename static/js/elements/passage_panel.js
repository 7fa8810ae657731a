/** A page of an attached document, with the passage marked that an answer cites. */
import { make, setText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { words } from "../lib/words.js";

export class PassagePanel extends PageElement {
  #session = null;
  #place = null;
  #opener = null;

  connected() {
    const { dialog, close, previous, next } = this.parts;
    this.listen(close, "click", () => dialog.close());
    this.listen(dialog, "close", () => this.#opener?.focus());
    this.listen(previous, "click", () => this.#turn(-1));
    this.listen(next, "click", () => this.#turn(1));
  }

  /** Show `{attachment, page, start?, end?}` of a conversation. Throws RequestError. */
  async open(session, place) {
    this.#session = session;
    this.#opener = document.activeElement;
    await this.#show(place);
    this.parts.dialog.showModal();
    this.parts.text.querySelector("mark")?.scrollIntoView({ block: "center" });
  }

  #turn(step) {
    const { conversation, attachment, page } = this.#place;
    this.#show({ conversation, attachment, page: page + step }).catch((error) => this.tell("fault", error));
  }

  async #show(place) {
    const { conversation, attachment, page } = place;
    const found = await this.#session.ask({ type: "attachment.open", conversation, attachment, page });
    this.#place = place;
    const { title, where, text, picture, turning, previous, next } = this.parts;
    const { name, unit, pages } = found.file;
    setText(title, name);
    picture.hidden = turning.hidden = true;
    text.hidden = found.image !== null;
    if (found.image !== null) {
      picture.src = `data:image/jpeg;base64,${found.image}`;
      picture.alt = name;
      picture.hidden = false;
      return;
    }
    turning.hidden = false;
    setText(where, words(`passage.${unit}`, { page, pages }));
    previous.disabled = page <= 1;
    next.disabled = page >= pages;
    text.replaceChildren(...marked([...found.text], place));
    text.scrollTop = 0;
  }
}

function marked(points, { start = 0, end = 0 }) {
  const piece = (from, to) => points.slice(from, to).join("");
  if (end <= start || (start === 0 && end >= points.length)) return [piece(0)];
  return [piece(0, start), make("mark", { text: piece(start, end) }), piece(end)];
}

customElements.define("passage-panel", PassagePanel);
