/** The connection as the session sees it: messages one at a time and in order, and a new try when it is lost. */
import { ChannelError, MalformedError } from "../crypto/errors.js";
import { ProtocolError } from "../protocol/errors.js";

const PAUSES_S = [0.5, 1, 2, 4, 8, 15, 30];
const FATAL = new Set(["login_required", "refused_by_policy"]);

export class Link {
  #openSocket;
  #clock;
  #handlers;
  #socket = null;
  #inbox = Promise.resolve();
  #tries = 0;
  #cancelRetry = () => {};

  /**
   * `openSocket(handlers)` makes a `Socket`. `handlers` are `onOpen()`, `onClear(message)`, `onSealed(bytes)`, both may
   * be async and are awaited in turn, `onLost(reason)` and `onRetry()`, which asks for a new connection.
   */
  constructor(openSocket, clock, handlers) {
    this.#openSocket = openSocket;
    this.#clock = clock;
    this.#handlers = handlers;
  }

  get isOpen() {
    return this.#socket !== null;
  }

  connect() {
    this.#cancelRetry();
    const { onOpen, onClear, onSealed } = this.#handlers;
    const socket = this.#openSocket({
      onOpen: () => this.#queue(socket, () => onOpen()),
      onClear: (message) => this.#queue(socket, () => onClear(message)),
      onSealed: (bytes) => this.#queue(socket, () => onSealed(bytes)),
      onClose: (reason) => this.#lost(reason),
    });
    this.#socket = socket;
  }

  send(message) {
    this.#socket?.send(message);
  }

  sendSealed(bytes) {
    this.#socket?.sendSealed(bytes);
  }

  /** The session stands: the next loss begins with the shortest pause again. */
  settle() {
    this.#tries = 0;
  }

  /** The server broke the protocol: end this connection. */
  fail() {
    this.#socket?.fail();
  }

  /** Leave for good. */
  close() {
    this.#cancelRetry();
    this.#socket?.close();
    this.#socket = null;
  }

  /** Each message waits for those before it; one of a connection that has ended is dropped. */
  #queue(socket, handle) {
    this.#inbox = this.#inbox.then(async () => {
      if (socket !== this.#socket) return;
      try {
        await handle();
      } catch (error) {
        if (socket === this.#socket) socket.fail();
        if (![ProtocolError, ChannelError, MalformedError].some((known) => error instanceof known)) {
          queueMicrotask(() => {
            throw error;
          });
        }
      }
    });
  }

  #lost(reason) {
    this.#socket = null;
    this.#handlers.onLost(reason);
    if (FATAL.has(reason)) return;
    const pause = PAUSES_S[Math.min(this.#tries++, PAUSES_S.length - 1)];
    this.#cancelRetry = this.#clock.after(1000 * pause, () => this.#handlers.onRetry());
  }
}
