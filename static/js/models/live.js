/** Keeps one page up to date with what the user's other sessions change: they are told where, and ask for it. */
import { RequestError } from "../protocol/errors.js";

const OF_LIST = new Set(["messages", "conversation", "folders", "history"]);

export class Live {
  #chat;
  #waiting = [];
  #isBusy = false;
  #isBehind = false;

  constructor(chat) {
    this.#chat = chat;
    chat.session.addEventListener("noticed", ({ detail }) => this.#hear(detail));
    chat.session.addEventListener("change", () => (this.#isBehind ||= chat.session.state === "closed"));
  }

  /** A session stands: hear from it what changes, and catch up with what was missed. */
  async follow() {
    const { session, conversation } = this.#chat;
    if (!session.held?.isStored) return;
    const missed = this.#isBehind ? { kind: "history" } : { kind: "messages", conversation: conversation.id };
    const isFollowing = await this.#try(session.ask({ type: "changes.follow" }));
    if (isFollowing) this.#isBehind = false;
    this.#hear([missed]);
  }

  /** One after the other, and what comes meanwhile together. */
  async #hear(changes) {
    this.#waiting.push(...changes);
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      while (this.#waiting.length > 0) await this.#takeIn(this.#waiting.splice(0));
    } finally {
      this.#isBusy = false;
    }
  }

  async #takeIn(changes) {
    const isAll = changes.some(({ kind }) => kind === "history");
    if (isAll || changes.some(({ kind }) => kind === "settings")) await this.#chat.settings.load();
    if (!changes.some(({ kind }) => OF_LIST.has(kind))) return;
    const { conversations, conversation } = this.#chat;
    const wasStored = conversation.isStored;
    const named = changes.filter(({ kind }) => kind !== "folders" && kind !== "settings");
    const about = named.map((change) => change.conversation ?? null);
    if (!(await this.#try(conversations.load({ about }))) || conversations.state !== "loaded") return;
    if (isAll || about.includes(conversation.id)) this.#look(conversation, wasStored);
  }

  /** The conversation in view may have gone, be there again, or have more in it. */
  #look(conversation, wasStored) {
    if (conversation !== this.#chat.conversation) return;
    const isThere = this.#chat.conversations.find(conversation.id) !== null;
    if (wasStored !== isThere && (wasStored || conversation.state === "missing"))
      this.#try(conversation.exist(isThere));
    else this.#try(conversation.refresh());
  }

  /** What cannot be had now comes with the next session; says whether it came. */
  async #try(work) {
    try {
      await work;
      return true;
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      return false;
    }
  }
}
