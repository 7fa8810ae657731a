/** The user's conversations by day. Tells `open-conversation`, `conversation-menu`. */
import { clone, setText, showText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { monthName } from "../lib/format.js";
import { words } from "../lib/words.js";
import { groupByDay } from "../models/days.js";

export class ConversationList extends PageElement {
  #conversations = null;
  #current = null;

  connected() {
    this.listen(this.parts.loadMore, "click", () =>
      this.#conversations.more().catch((error) => this.tell("fault", error)),
    );
  }

  set conversations(conversations) {
    this.#conversations = conversations;
    this.listen(conversations, "change", () => this.#show());
    this.#show();
  }

  /** The id of the conversation in view. */
  set current(id) {
    if (id === this.#current) return;
    this.#current = id;
    for (const row of this.querySelectorAll(".conversation-row")) markCurrent(row, row.dataset.id === id);
  }

  #show() {
    const { items, hasMore, state } = this.#conversations;
    const groups = groupByDay(items, new Date());
    this.parts.groups.replaceChildren(...groups.map((group) => this.#group(group)));
    this.parts.loadMore.hidden = !hasMore;
    const isEmpty = state === "loaded" && items.length === 0;
    showText(this.parts.note, state === "hidden" ? words("list.hidden") : isEmpty ? words("list.empty") : "");
  }

  #group({ key, year, month, items }) {
    const { element, parts } = clone("conversation-group");
    setText(parts.name, key === "earlier" ? monthName(year, month) : words(`day.${key}`));
    parts.items.append(...items.map((item) => this.#row(item)));
    return element;
  }

  #row({ conversation: id, title }) {
    const { element, parts } = clone("conversation-row");
    element.dataset.id = id;
    parts.link.href = `/c/${id}/`;
    setText(parts.link, title || words("title.none"));
    parts.link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      this.tell("open-conversation", id);
    });
    parts.more.addEventListener("click", () => this.tell("conversation-menu", { id, control: parts.more }));
    markCurrent(element, id === this.#current);
    return element;
  }
}

function markCurrent(row, isCurrent) {
  row.classList.toggle("is-current", isCurrent);
  const link = row.querySelector("a");
  if (isCurrent) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
}

customElements.define("conversation-list", ConversationList);
