/** What can go wrong on the wire; `code` is stable, words for people are made of it by the elements. */

/** The server broke the protocol: the connection ends. */
export class ProtocolError extends Error {
  code = "protocol";
}

/**
 * A request that will get no answer, or got `error` for one. `retry` says whether asking again may help, `until` the
 * second (Unix time) from which it may.
 */
export class RequestError extends Error {
  constructor(code, { retry = false, until = null } = {}) {
    super(code);
    this.code = code;
    this.until = until;
    this.retry = retry;
  }
}
