/** The chat as a whole: one session, the conversation that it stands for, and the list of the others. */
import { AnswerSettings } from "./answer_settings.js";
import { Conversation } from "./conversation.js";
import { Conversations } from "./conversations.js";

export class Chat extends EventTarget {
  session;
  conversations;
  conversation = null;
  historyKey;
  settings;
  #clock;
  #makeId;
  #proved = null;

  constructor({ session, historyKey, clock, makeId }) {
    super();
    this.session = session;
    this.historyKey = historyKey;
    this.conversations = new Conversations(session);
    this.settings = new AnswerSettings(session);
    this.#clock = clock;
    this.#makeId = makeId;
    session.addEventListener("change", () => this.#follow());
  }

  /** Begin a new conversation: a new id, and a new proof by the server. */
  startNew() {
    this.#enter(this.#makeId(), true);
  }

  /** Go to a stored conversation, which is proved anew as well. */
  open(id) {
    if (id !== this.conversation?.id) this.#enter(id, false);
  }

  /** Delete a conversation for good; the one in view gives way to a new one. Throws RequestError. */
  async delete(id) {
    await this.conversations.delete(id);
    if (id === this.conversation.id) this.startNew();
  }

  /** Throws RequestError. */
  async rename(id, title) {
    await this.conversations.rename(id, title);
    if (id === this.conversation.id) this.conversation.rename(title);
  }

  /** Go on without the history, because its key is not in this browser. */
  leaveHistoryOut() {
    this.historyKey.leaveOut();
    this.session.attest();
  }

  #enter(id, isNew) {
    const way = () => this.settings.way;
    const shared = { session: this.session, clock: this.#clock, makeId: this.#makeId, way };
    this.conversation = new Conversation(id, { ...shared, isNew });
    this.conversation.addEventListener("started", () => this.#started());
    this.settings.enter(id, this.conversations.find(id)?.model);
    this.dispatchEvent(new Event("conversation"));
    this.session.attest(id);
  }

  /** A session that was not there before: load what belongs to it. */
  #follow() {
    const { held, state } = this.session;
    if (state !== "ready" || held === this.#proved) return;
    this.#proved = held;
    this.conversation.sync();
    this.settings.load();
    this.#list();
  }

  /** The first answer of a conversation: it is stored now, and stands in the list. */
  #started() {
    this.dispatchEvent(new Event("located"));
    this.settings.keep().catch(() => {}); // kept with the next change, or lost with the connection
    this.#list();
  }

  /** What cannot be listed now is listed with the next session. */
  async #list() {
    await this.conversations.load().catch(() => {});
  }
}
