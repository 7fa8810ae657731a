/** The WebSocket of `confchat.v1`: text frames in clear, binary frames sealed, both within their limits. */
import { ProtocolError } from "./errors.js";
import { parseClear } from "./messages.js";

export const SUBPROTOCOL = "confchat.v1";

// docs/PROTOCOL.md section 6.
const MAX_CLEAR_CHARACTERS = 512 * 1024;
const MAX_SEALED_BYTES = 1024 * 1024;

const PROTOCOL_CLOSE = 4400;

/** Close codes -> why; every other code is the network's. */
const REASONS = {
  4400: "protocol",
  4401: "login_required",
  4403: "refused_by_policy",
  4408: "timeout",
  4429: "too_many_requests",
  1013: "overloaded",
};

/** Say in one of the protocol's codes why a connection closed. */
export function closeReason(code) {
  return REASONS[code] ?? "connection_lost";
}

/**
 * One connection. `onOpen()`, `onClear(message)`, `onSealed(bytes)` and `onClose(reason)` are called in the order of
 * the wire; after `onClose` nothing more is. What breaks the protocol closes the connection.
 */
export class Socket {
  #socket;
  #handlers;

  constructor(url, handlers, WebSocketClass = globalThis.WebSocket) {
    this.#handlers = handlers;
    this.#socket = new WebSocketClass(url, SUBPROTOCOL);
    this.#socket.binaryType = "arraybuffer";
    this.#socket.onopen = () => this.#opened();
    this.#socket.onmessage = ({ data }) => this.#received(data);
    this.#socket.onclose = ({ code }) => this.#end(closeReason(code));
  }

  send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  sendSealed(bytes) {
    this.#socket.send(bytes);
  }

  /** Leave: nothing that arrives from now on is told. */
  close() {
    this.#handlers = null;
    this.#socket.close(1000);
  }

  /** End the connection because the server broke the protocol. */
  fail() {
    this.#socket.close(PROTOCOL_CLOSE);
    this.#end("protocol");
  }

  #opened() {
    if (this.#socket.protocol === SUBPROTOCOL) this.#handlers?.onOpen();
    else this.fail();
  }

  #received(data) {
    try {
      if (typeof data === "string") this.#handlers?.onClear(this.#clear(data));
      else this.#handlers?.onSealed(this.#sealed(data));
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.fail();
    }
  }

  #clear(text) {
    if (text.length > MAX_CLEAR_CHARACTERS) throw new ProtocolError("clear frame too large");
    return parseClear(text);
  }

  #sealed(data) {
    if (data.byteLength > MAX_SEALED_BYTES) throw new ProtocolError("sealed frame too large");
    return new Uint8Array(data);
  }

  #end(reason) {
    const handlers = this.#handlers;
    this.#handlers = null;
    handlers?.onClose(reason);
  }
}
