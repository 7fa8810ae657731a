/** The messages of a conversation as a tree: an answer made again stands beside the first one. */

export class MessageTree {
  #messages = new Map();
  #children = new Map();
  #chosen = new Map();

  get(id) {
    return this.#messages.get(id);
  }

  get isEmpty() {
    return this.#messages.size === 0;
  }

  get all() {
    return [...this.#messages.values()];
  }

  /** Add a message, and choose it among its siblings. */
  add(message) {
    if (!this.#messages.has(message.id)) this.#childrenOf(message.parent).push(message.id);
    this.#messages.set(message.id, message);
    this.choose(message);
  }

  /** Add a message that somebody else has said: what is in view stays, unless it goes on with that. */
  append(message) {
    const chosen = this.#chosen.get(message.parent);
    this.add(message);
    if (chosen !== undefined) this.#chosen.set(message.parent, chosen);
  }

  remove(message) {
    this.#messages.delete(message.id);
    const siblings = this.#childrenOf(message.parent);
    siblings.splice(siblings.indexOf(message.id), 1);
    this.#chosen.set(message.parent, siblings.at(-1));
  }

  /** The messages on the chosen branch, the first one first. */
  get path() {
    const path = [];
    for (let id = this.#chosen.get(null); id !== undefined; id = this.#chosen.get(id))
      path.push(this.#messages.get(id));
    return path;
  }

  get tip() {
    return this.path.at(-1) ?? null;
  }

  /** The versions of a message: itself and those with the same parent. */
  siblings(message) {
    return this.#childrenOf(message.parent).map((id) => this.#messages.get(id));
  }

  choose(message) {
    this.#chosen.set(message.parent, message.id);
  }

  /** Choose the branch that leads to a message; returns whether there is one. */
  reveal(message) {
    for (let at = message; at; at = this.#messages.get(at.parent)) this.choose(at);
    return message !== undefined;
  }

  #childrenOf(id) {
    if (!this.#children.has(id)) this.#children.set(id, []);
    return this.#children.get(id);
  }
}
