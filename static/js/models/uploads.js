/** Files on their way into a conversation: sent in sealed pieces, read by the server, and waiting for a message. */
import { b64encode } from "../crypto/encoding.js";
import { RequestError } from "../protocol/errors.js";
import { isLoss } from "./answers.js";

export const MAX_FILES = 10;
const MAX_BYTES = 20 * 1024 * 1024;
const PIECE_BYTES = 480 * 1024;

/** Tells of itself by `change`. */
export class Uploads extends EventTarget {
  #session;
  #makeId;
  #conversation = null;
  #work = Promise.resolve();
  #files = new Map();
  items = [];

  constructor(session, { makeId }) {
    super();
    this.#session = session;
    this.#makeId = makeId;
    session.addEventListener("change", () => session.state === "ready" && this.#resume());
  }

  /** Whether something is still being sent or read. */
  get isBusy() {
    return this.items.some(({ state }) => state === "sending" || state === "reading");
  }

  /** Hand out what is ready to go with a message, and forget it here. */
  take() {
    const ready = this.items.filter(({ state }) => state === "ready").map(({ told }) => told);
    this.items = [];
    this.#tell();
    return ready;
  }

  /**
   * Take back what went with a message that could not be sent, or was left behind: `told` by the server, or `{attachment,
   * name}`. What is still here is sent anew where the server has it no more.
   */
  giveBack(documents) {
    const isHere = ({ attachment }) => this.items.some(({ id }) => id === attachment);
    const back = documents.filter((told) => !isHere(told)).map((told) => this.#itemOf(told));
    this.items = [...back, ...this.items];
    this.#tell();
    this.#resume();
  }

  #itemOf(told) {
    const { attachment: id, name } = told;
    const file = this.#files.get(id);
    if (file) return { id, file, name, state: "sending", done: 0 };
    if (told.kind) return { id, name, state: "ready", told }; // of an earlier prompt, which is stored
    return { id, name, state: "failed", code: "attachment_missing" };
  }

  /** Another conversation is in view: what was not sent with a message is forgotten. */
  enter(conversation) {
    this.#conversation = conversation;
    this.items = [];
    this.#tell();
  }

  /** Take in files; those that are too many or too large are refused at once. */
  add(files) {
    for (const file of files) {
      const item = { id: this.#makeId(), file, name: file.name.slice(0, 200), state: "sending", done: 0 };
      if (this.items.length >= MAX_FILES) Object.assign(item, { state: "failed", code: "attachments_many" });
      else if (file.size > MAX_BYTES) Object.assign(item, { state: "failed", code: "attachment_too_large" });
      else this.#files.set(item.id, file);
      this.items.push(item);
    }
    this.#tell();
    this.#resume();
  }

  remove(id) {
    const item = this.items.find((each) => each.id === id);
    this.items = this.items.filter((each) => each !== item);
    this.#tell();
    if (item?.state === "ready") this.#session.ask({ type: "attachment.drop", attachment: id }).catch(() => {});
  }

  /** One file after the other, again with each new session until it is read. */
  #resume() {
    this.#work = this.#work.then(async () => {
      for (const item of this.items.filter(({ state }) => state === "sending" || state === "reading")) {
        await this.#send(item);
      }
    });
  }

  async #send(item) {
    try {
      const { id: attachment, file, name } = item;
      const begin = { type: "attachment.begin", conversation: this.#conversation, attachment, name, size: file.size };
      let state = await this.#session.ask(begin);
      while (state.offset < file.size && this.items.includes(item)) {
        const piece = new Uint8Array(await file.slice(state.offset, state.offset + PIECE_BYTES).arrayBuffer());
        const data = b64encode(piece);
        state = await this.#session.ask({ type: "attachment.put", attachment, offset: state.offset, data });
        this.#set(item, { done: state.offset / file.size });
      }
      this.#set(item, { state: "reading" });
      const { file: told } = await this.#session.ask({ type: "attachment.read", attachment });
      this.#set(item, { state: "ready", told });
    } catch (error) {
      const isOurs = error instanceof RequestError;
      if (!isOurs || !isLoss(error))
        this.#set(item, { state: "failed", code: isOurs ? error.code : "file_unreadable" });
    }
  }

  #set(item, changes) {
    Object.assign(item, changes);
    this.#tell();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
