/** One conversation: its messages, what is being said now, and how both are found again after a loss. */
import { isLoss, remember } from "./answers.js";
import { Asking } from "./asking.js";
import { Branches } from "./branches.js";
import { Message } from "./message.js";
import { openStored, takeNews } from "./stored.js";

export class Conversation extends Branches {
  id;
  title = null;
  /** `new`, `loading`, `loaded`, `missing` (no such conversation) or `unreadable` (the history key is not at hand). */
  state;
  #session;
  #clock;
  #makeId;
  #asking;
  #isBegun = false;

  /** Nothing of a temporary conversation is stored, though the session proved the history key. */
  constructor(id, { session, clock, makeId, isNew, isTemporary = false, way = () => ({}) }) {
    super();
    Object.assign(this, { id, isTemporary, state: isNew ? "new" : "loading" });
    this.#session = session;
    this.#clock = clock;
    this.#makeId = makeId;
    this.#asking = new Asking(session, this, { way, begin: (reply, prompt) => this.#begin(reply, prompt) });
  }

  /** What is in view: nothing of what was deleted elsewhere. */
  get path() {
    return this.state === "missing" ? [] : super.path;
  }

  /** Whether the server keeps it. */
  get isStored() {
    return !this.isTemporary && this.state !== "missing" && (this.#isBegun || this.state === "loaded");
  }

  /** Show the branch through a message, and remember it. */
  choose(message) {
    this.tree.choose(message);
    this.tell();
    if (this.isTemporary || !this.#session.held?.isStored) return;
    remember(this.#session.ask({ type: "conversation.show", conversation: this.id, message: this.tree.tip.id }));
  }

  rename(title) {
    this.title = title;
    this.tell();
  }

  /** A session stands for this conversation: load what is stored, and go on with what was under way. */
  async sync() {
    if (this.state === "loading") await this.#load();
    await this.#asking.recover(this.tree.all);
  }

  /** Others may have said something here: take it in, and follow what is being answered. Throws RequestError. */
  async refresh() {
    if (!this.isStored || !this.#session.held?.isStored) return;
    const { title, running } = await takeNews(this.#session, this.id, { tree: this.tree, clock: this.#clock });
    this.rename(title);
    await Promise.all(running.map((reply) => this.#asking.follow(reply)));
  }

  /** It was deleted elsewhere, or is there again. Throws RequestError. */
  async exist(isThere) {
    this.#become(isThere ? "loaded" : "missing");
    await this.refresh();
  }

  /** Say something, with documents; resolves when it is answered, or when it is known why not. */
  send(text, attachments = []) {
    return this.#say({ parent: this.tree.tip?.id ?? null, text, attachments });
  }

  /** Say something else in place of a prompt, which stays beside the new one. */
  async edit(prompt, text) {
    const { parent, attachments } = prompt;
    await this.#say({ parent, text, attachments, edited: prompt.id });
  }

  /** Try again what could not be sent. */
  async retry(prompt) {
    prompt.set({ state: "sending", error: null });
    await this.#asking.deliver(prompt);
  }

  /** Take back what could not be sent. */
  withdraw(prompt) {
    this.tree.remove(prompt);
    this.tell();
  }

  /** Have a prompt answered once more; the answers before stay beside the new one. Throws RequestError. */
  async regenerate(answer) {
    await this.#asking.again(this.tree.get(answer.parent));
  }

  /** Have an answer that broke off, or was stopped, gone on with. Throws RequestError. */
  async goOn(answer) {
    await this.#asking.goOn(answer, this.tree.get(answer.parent));
  }

  /** Have the running answer stopped; what has come stays. Throws RequestError. */
  async stop() {
    if (this.running?.isRunning) await this.#session.ask({ type: "chat.stop", reply: this.running.id });
  }

  #say(said) {
    return this.#asking.deliver(this.#add({ ...said, message: this.#makeId(), role: "user", state: "sending" }));
  }

  async #load() {
    if (!this.#session.held?.isStored) return this.#become("unreadable");
    try {
      this.title = await openStored(this.#session, this.id, { tree: this.tree, clock: this.#clock });
      this.#become("loaded");
    } catch (error) {
      if (!isLoss(error)) this.#become("missing");
    }
  }

  #begin(id, prompt) {
    prompt.set({ state: "complete" });
    const known = this.tree.get(id);
    const resume = known?.resume ?? this.#session.held?.resume;
    const reply = known ?? this.#add({ message: id, parent: prompt.id, role: "assistant" });
    reply.set({ state: "running", resume });
    this.#isBegun = true;
    this.dispatchEvent(new Event("started"));
    return reply;
  }

  #add(wire) {
    const message = new Message(wire, this.#clock);
    this.tree.add(message);
    this.tell();
    return message;
  }

  #become(state) {
    this.state = state;
    this.tell();
  }
}
