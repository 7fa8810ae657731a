/** The chat as a whole: one session, the conversation that it stands for, and the list of the others. */
import { AnswerSettings } from "./answer_settings.js";
import { RequestError } from "../protocol/errors.js";
import { Conversation } from "./conversation.js";
import { Conversations } from "./conversations.js";
import { Live } from "./live.js";
import { Search } from "./search.js";
import { Uploads } from "./uploads.js";

export class Chat extends EventTarget {
  session;
  conversations;
  search;
  conversation = null;
  historyKey;
  settings;
  uploads;
  #clock;
  #makeId;
  #proved = null;
  #live;
  #listing = Promise.resolve();

  constructor({ session, historyKey, clock, makeId }) {
    super();
    this.session = session;
    this.historyKey = historyKey;
    this.conversations = new Conversations(session);
    this.settings = new AnswerSettings(session);
    this.search = new Search(session, clock);
    this.uploads = new Uploads(session, { makeId });
    this.#live = new Live(this);
    this.#clock = clock;
    this.#makeId = makeId;
    session.addEventListener("change", () => this.#follow());
  }

  /** Begin a new conversation: a new id, and a new proof by the server. Nothing of a temporary one is stored. */
  startNew({ isTemporary = false } = {}) {
    this.#enter(this.#makeId(), { isNew: true, isTemporary });
  }

  /** Go to a stored conversation, which is proved anew as well. */
  open(id) {
    if (id !== this.conversation?.id) this.#enter(id, { isNew: false, isTemporary: false });
  }

  /** Delete a conversation; the one in view gives way to a new one. Returns how to bring it back. Throws RequestError. */
  async delete(id) {
    const undo = await this.conversations.delete(id);
    if (id === this.conversation.id) this.startNew();
    return undo;
  }

  /** Delete all; returns `{count, undo}`. Throws RequestError. */
  async deleteAll() {
    const deleted = await this.conversations.deleteAll();
    this.startNew();
    return deleted;
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

  #enter(id, kind) {
    const way = () => this.settings.way;
    const shared = { session: this.session, clock: this.#clock, makeId: this.#makeId, way };
    const conversation = new Conversation(id, { ...shared, ...kind });
    this.conversation = conversation;
    this.uploads.enter(id);
    conversation.addEventListener("started", () => this.#started(conversation));
    conversation.addEventListener("answered", () => this.#title(conversation));
    this.settings.enter(id, this.conversations.find(id)?.model);
    this.dispatchEvent(new Event("conversation"));
    this.session.attest(id);
  }

  /** A session that was not there before: load what belongs to it. */
  #follow() {
    const { held, state } = this.session;
    if (state !== "ready" || held === this.#proved) return;
    this.#proved = held;
    const { conversation } = this;
    conversation.sync().then(() => this.#title(conversation));
    this.settings.load();
    this.#list();
    this.#live.follow();
  }

  /** An answer begins: the conversation is stored now, and stands in the list. */
  #started(conversation) {
    if (conversation.isTemporary) return;
    if (conversation === this.conversation) this.dispatchEvent(new Event("located"));
    this.settings.keep().catch(() => {}); // kept with the next change, or lost with the connection
    this.#list();
  }

  /** Have the model name a conversation that nobody has named yet; where it cannot, the first line stays. */
  async #title(conversation) {
    const { id, isTemporary } = conversation;
    await this.#listing;
    if (isTemporary || conversation !== this.conversation || this.conversations.find(id)?.titled !== "line") return;
    try {
      const { title } = await this.session.ask({ type: "conversation.title", conversation: id });
      conversation.rename(title);
      this.conversations.retitle(id, title, "model");
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
    }
  }

  /** What cannot be listed now is listed with the next session. */
  #list() {
    this.#listing = this.conversations.load().catch((error) => {
      if (!(error instanceof RequestError)) throw error;
    });
    return this.#listing;
  }
}
