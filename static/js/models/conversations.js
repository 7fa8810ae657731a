/** The list of the user's conversations, the newest first. */

export class Conversations extends EventTarget {
  items = [];
  /** `idle` before the first answer, `loaded`, or `hidden` where the history key is not at hand. */
  state = "idle";
  #session;
  #next = null;

  constructor(session) {
    super();
    this.#session = session;
  }

  get hasMore() {
    return this.#next !== null;
  }

  find(id) {
    return this.items.find(({ conversation }) => conversation === id) ?? null;
  }

  /** Load the newest page. Throws RequestError. */
  async load() {
    if (!this.#session.held?.isStored) return this.#become([], null, "hidden");
    const { conversations, next } = await this.#session.ask({ type: "conversation.list" });
    this.#become(conversations, next, "loaded");
  }

  /** Load the page behind those that are known. Throws RequestError. */
  async more() {
    const { conversations, next } = await this.#session.ask({ type: "conversation.list", before: this.#next });
    const known = new Set(this.items.map(({ conversation }) => conversation));
    this.#become([...this.items, ...conversations.filter((item) => !known.has(item.conversation))], next, "loaded");
  }

  /** Throws RequestError. */
  async rename(conversation, title) {
    await this.#session.ask({ type: "conversation.rename", conversation, title });
    const items = this.items.map((item) => (item.conversation === conversation ? { ...item, title } : item));
    this.#become(items, this.#next, this.state);
  }

  /** Delete for good. Throws RequestError. */
  async delete(conversation) {
    await this.#session.ask({ type: "conversation.delete", conversation });
    this.#become(
      this.items.filter((item) => item.conversation !== conversation),
      this.#next,
      this.state,
    );
  }

  #become(items, next, state) {
    this.items = items;
    this.#next = next;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
