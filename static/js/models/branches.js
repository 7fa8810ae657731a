/** What is said in a conversation, as a tree of which one branch is in view. Tells of itself by `change`. */
import { MessageTree } from "./message_tree.js";

export class Branches extends EventTarget {
  tree = new MessageTree();

  /** The messages in view, the first one first. */
  get path() {
    return this.tree.path;
  }

  get isEmpty() {
    return this.tree.isEmpty;
  }

  /** The answer that is being given or asked for on this branch, or null. */
  get running() {
    return this.path.findLast(({ state }) => state === "running" || state === "sending") ?? null;
  }

  siblings(message) {
    return this.tree.siblings(message);
  }

  /** Show the branch that a message stands in; returns whether there is such a message. */
  reveal(id) {
    const isKnown = this.tree.reveal(this.tree.get(id));
    if (isKnown) this.tell();
    return isKnown;
  }

  tell() {
    this.dispatchEvent(new Event("change"));
  }
}
