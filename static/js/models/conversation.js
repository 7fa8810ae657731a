/** One conversation: its messages, what is being said now, and how both are found again after a loss. */
import { askForAnswer, followAnswer, isLoss, recall } from "./answers.js";
import { Message } from "./message.js";
import { MessageTree } from "./message_tree.js";
import { openStored } from "./stored.js";

export class Conversation extends EventTarget {
  id;
  title = null;
  /** `new`, `loading`, `loaded`, `missing` (no such conversation) or `unreadable` (the history key is not at hand). */
  state;
  #session;
  #clock;
  #makeId;
  #way;
  #tree = new MessageTree();

  constructor(id, { session, clock, makeId, isNew, way = () => ({}) }) {
    super();
    this.id = id;
    this.state = isNew ? "new" : "loading";
    this.#session = session;
    this.#clock = clock;
    this.#makeId = makeId;
    this.#way = way;
  }

  get path() {
    return this.#tree.path;
  }

  get isEmpty() {
    return this.#tree.isEmpty;
  }

  /** The answer that is being given or asked for on this branch, or null. */
  get running() {
    return this.path.findLast(({ state }) => state === "running" || state === "sending") ?? null;
  }

  siblings(message) {
    return this.#tree.siblings(message);
  }

  choose(message) {
    this.#tree.choose(message);
    this.#tell();
  }

  rename(title) {
    this.title = title;
    this.#tell();
  }

  /** A session stands for this conversation: load what is stored, and go on with what was under way. */
  async sync() {
    if (this.state === "loading") await this.#load();
    await recall(this.#session, this.#tree.all);
    const open = this.#tree.all.filter(({ state }) => state === "running" || state === "sending");
    await Promise.all(
      open.map((message) => (message.isRunning ? followAnswer(this.#session, message) : this.#deliver(message))),
    );
  }

  /** Say something; resolves when it is answered, or when it is known why not. */
  async send(text) {
    const parent = this.#tree.tip?.id ?? null;
    const prompt = this.#add({ message: this.#makeId(), parent, role: "user", text, state: "sending" });
    await this.#deliver(prompt);
  }

  /** Try again what could not be sent. */
  async retry(prompt) {
    prompt.set({ state: "sending", error: null });
    await this.#deliver(prompt);
  }

  /** Take back what could not be sent. */
  withdraw(prompt) {
    this.#tree.remove(prompt);
    this.#tell();
  }

  /** Have a prompt answered once more; the answers before stay beside the new one. Throws RequestError. */
  async regenerate(answer) {
    const prompt = this.#tree.get(answer.parent);
    await this.#converse({ type: "chat.regenerate", conversation: this.id, message: prompt.id }, prompt);
  }

  /** Have an answer that broke off, or was stopped, gone on with. Throws RequestError. */
  async goOn(answer) {
    const prompt = this.#tree.get(answer.parent);
    await this.#converse({ type: "chat.continue", conversation: this.id, reply: answer.id }, prompt);
  }

  /** Have the running answer stopped; what has come stays. Throws RequestError. */
  async stop() {
    const { running } = this;
    if (running?.isRunning) await this.#session.ask({ type: "chat.stop", reply: running.id });
  }

  async #load() {
    if (!this.#session.held?.isStored) return this.#become("unreadable");
    try {
      this.title = await openStored(this.#session, this.id, { tree: this.#tree, clock: this.#clock });
      this.#become("loaded");
    } catch (error) {
      if (!isLoss(error)) this.#become("missing");
    }
  }

  async #deliver(prompt) {
    const { id: message, parent, text } = prompt;
    try {
      await this.#converse({ type: "chat.send", conversation: this.id, message, parent, text }, prompt);
    } catch (error) {
      if (!isLoss(error)) prompt.set({ state: "failed", error });
    }
  }

  #converse(request, prompt) {
    return askForAnswer(this.#session, { ...request, ...this.#way() }, (id) => this.#begin(id, prompt));
  }

  #begin(id, prompt) {
    prompt.set({ state: "complete" });
    const known = this.#tree.get(id);
    const resume = known?.resume ?? this.#session.held?.resume;
    const reply = known ?? this.#add({ message: id, parent: prompt.id, role: "assistant" });
    reply.set({ state: "running", resume });
    this.dispatchEvent(new Event("started"));
    return reply;
  }

  #add(wire) {
    const message = new Message(wire, this.#clock);
    this.#tree.add(message);
    this.#tell();
    return message;
  }

  #become(state) {
    this.state = state;
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
