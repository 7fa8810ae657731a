/** The list of the user's conversations, the newest first, and his folders. */

export class Conversations extends EventTarget {
  items = [];
  folders = [];
  /** `idle` before the first answer, `loaded`, or `hidden` where the history key is not at hand. */
  state = "idle";
  /** Whether everything that is kept is listed. */
  isComplete = false;
  #session;
  #loads = 0;

  constructor(session) {
    super();
    this.#session = session;
  }

  find(id) {
    return this.items.find(({ conversation }) => conversation === id) ?? null;
  }

  /**
   * Load what is newest, and everything behind it at the first time, or where one of those `about` which it is done is
   * not among the newest (null: all of them). Throws RequestError.
   */
  async load({ about = [] } = {}) {
    if (!this.#session.held?.isStored) return this.#become([], "hidden");
    const load = ++this.#loads;
    const [page, { folders }] = await Promise.all([this.#page(), this.#session.ask({ type: "folder.list" })]);
    this.folders = folders;
    this.#merge(page);
    const found = new Set(page.conversations.map(({ conversation }) => conversation));
    if (about.some((id) => !found.has(id))) this.isComplete = false;
    for (let { next } = page; next !== null && !this.isComplete;) {
      const more = await this.#page(next);
      if (load !== this.#loads) return;
      this.#add(more.conversations);
      for (const { conversation } of more.conversations) found.add(conversation);
      next = more.next;
    }
    if (!this.isComplete)
      this.#become(
        this.items.filter(({ conversation: id }) => found.has(id)),
        "loaded",
      );
    this.isComplete = true;
  }

  /** Throws RequestError. */
  async rename(conversation, title) {
    await this.#session.ask({ type: "conversation.rename", conversation, title });
    this.retitle(conversation, title, "user");
  }

  /** A conversation has another title; `titled` says by whom. */
  retitle(conversation, title, titled) {
    this.#change(conversation, { title, titled });
  }

  /** Throws RequestError. */
  async pin(conversation, pinned) {
    await this.#session.ask({ type: "conversation.pin", conversation, pinned });
    this.#change(conversation, { pinned });
  }

  /** Throws RequestError. */
  async archive(conversation, archived) {
    await this.#session.ask({ type: "conversation.archive", conversation, archived });
    this.#change(conversation, { archived });
  }

  /** Put a conversation into a folder, or into none. Throws RequestError. */
  async move(conversation, folder) {
    await this.#session.ask({ type: "conversation.move", conversation, folder });
    this.#change(conversation, { folder });
  }

  /** Make a folder, or give it another name. Throws RequestError. */
  async nameFolder(folder, name) {
    this.#setFolders(await this.#session.ask({ type: "folder.name", folder, name }));
  }

  /** Delete a folder; its conversations stay. Throws RequestError. */
  async deleteFolder(folder) {
    this.#setFolders(await this.#session.ask({ type: "folder.delete", folder }));
  }

  /** Take a conversation out of sight; returns how to bring it back, which works for some seconds. Throws RequestError. */
  async delete(conversation) {
    const item = this.find(conversation);
    await this.#session.ask({ type: "conversation.delete", conversation });
    this.#become(
      this.items.filter((other) => other.conversation !== conversation),
      this.state,
    );
    return async () => {
      await this.#session.ask({ type: "conversation.restore", conversation });
      if (item) this.#add([item]);
    };
  }

  /** Take all out of sight; returns `{count, undo}`. Throws RequestError. */
  async deleteAll() {
    const { items } = this;
    const { count, until } = await this.#session.ask({ type: "history.delete" });
    this.#become([], this.state);
    const undo = async () => {
      await this.#session.ask({ type: "history.restore", until });
      this.#add(items);
    };
    return { count, undo };
  }

  #page(before) {
    return this.#session.ask({ type: "conversation.list", before });
  }

  /** Take in the newest page: what is not in it any more, and would have to be, is gone. */
  #merge({ conversations, next }) {
    const oldest = next === null ? 0 : conversations.at(-1).updated_at;
    this.items = this.items.filter(({ updated_at: at }) => next !== null && at <= oldest);
    this.#add(conversations);
  }

  #add(conversations) {
    const added = new Set(conversations.map(({ conversation }) => conversation));
    const rest = this.items.filter(({ conversation }) => !added.has(conversation));
    this.#become(
      [...rest, ...conversations].sort((a, b) => b.updated_at - a.updated_at),
      "loaded",
    );
  }

  #change(conversation, changes) {
    const items = this.items.map((item) => (item.conversation === conversation ? { ...item, ...changes } : item));
    this.#become(items, this.state);
  }

  #setFolders({ folders }) {
    this.folders = folders;
    this.#become(this.items, this.state);
  }

  #become(items, state) {
    this.items = items;
    this.state = state;
    this.dispatchEvent(new Event("change"));
  }
}
