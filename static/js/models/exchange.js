/** What goes to and fro in sealed frames: the channel in use, the one to come, and the requests under way. */
import { ProtocolError } from "../protocol/errors.js";
import { checkSealed } from "../protocol/messages.js";
import { Requests } from "./requests.js";

export class Exchange {
  #send;
  #requests = new Requests();
  #channel = null;
  #next = null;
  #outbox = Promise.resolve();

  /** `send(frame)` puts a sealed frame on the wire. */
  constructor(send) {
    this.#send = send;
  }

  /** Seal and send one request; resolves with its final answer, or fails with RequestError. */
  ask(message, onEvent) {
    const { id, answer } = this.#requests.add(onEvent);
    const channel = this.#channel;
    this.#outbox = this.#outbox
      .then(() => channel.seal({ ...message, id }))
      .then((frame) => channel === this.#channel && this.#send(frame))
      .catch(() => this.#requests.accept({ type: "error", id, code: "not_sendable", retry: false }));
    return answer;
  }

  /** Whether every request has had its final answer. */
  get isIdle() {
    return this.#requests.isEmpty;
  }

  /** Resolves when everything asked so far is on the wire: an opening may follow, and nothing after it. */
  drained() {
    return this.#outbox;
  }

  /** Keep the keys of an opening until the server announces that it uses them. */
  prepare(channel) {
    this.#next = channel;
  }

  /** From here on the new keys; answers under way are asked for again in the new session. Throws ProtocolError. */
  switch() {
    if (this.#next === null) throw new ProtocolError("a switch to a session that was not opened");
    this.failAll("session_renewed");
    this.#channel = this.#next;
    this.#next = null;
  }

  /** Open the server's next frame. Throws ChannelError, MalformedError, ProtocolError. */
  async open(frame) {
    if (this.#channel === null) throw new ProtocolError("sealed frame without a session");
    return checkSealed(await this.#channel.open(frame));
  }

  /** Hand a message to whoever waits for it. */
  accept(message) {
    this.#requests.accept(message);
  }

  /** Let whatever was asked fail; frames that still come under these keys are opened, and answer nobody. */
  failAll(code) {
    this.#requests.failAll(code);
  }

  /** Forget the keys. */
  end(code) {
    this.#channel = this.#next = null;
    this.failAll(code);
  }
}
