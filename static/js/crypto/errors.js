/** What can go wrong with bytes and with sealed frames; `code` is stable, the text is for developers only. */

export class MalformedError extends Error {
  code = "malformed";
}

export class ChannelError extends Error {
  constructor(code, options) {
    super(code, options);
    this.code = code;
  }
}

/** A library that is fetched when it is first wanted did not come. */
export class PartError extends Error {
  code = "part_missing";

  constructor(options) {
    super("part_missing", options);
  }
}

/** Refuse bytes or text unless it has its form. Throws MalformedError. */
export function requireForm(condition) {
  if (!condition) throw new MalformedError("not of its form");
}
