/** Requests inside a session: each has an id of its own and gets one final answer, or fails. */
import { RequestError } from "../protocol/errors.js";

const PARTIAL = new Set(["chat.started", "chat.delta"]);

export class Requests {
  #pending = new Map();
  #lastId = 0;

  get isEmpty() {
    return this.#pending.size === 0;
  }

  /** Return `{id, answer}`; `onEvent` is given what comes before the final answer. */
  add(onEvent = () => {}) {
    const id = ++this.#lastId;
    const answer = new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject, onEvent }));
    return { id, answer };
  }

  /** Hand a message to the request that it answers; one that nobody waits for any more is dropped. */
  accept(message) {
    const request = this.#pending.get(message.id);
    if (!request) return;
    if (PARTIAL.has(message.type)) return request.onEvent(message);
    this.#pending.delete(message.id);
    if (message.type === "error") request.reject(new RequestError(message.code, message));
    else request.resolve(message);
  }

  /** Let every open request fail: its session is over. Ids are never used again. */
  failAll(code) {
    const open = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of open) reject(new RequestError(code, { retry: true }));
  }
}
