/** One message of a conversation; an answer grows by pieces that say where they begin. Tells of itself by `change`. */

export class GapError extends Error {
  code = "gap";
}

export class Message extends EventTarget {
  /** `wire` is a message as `conversation.open` has it, or what is known of one that has just begun. */
  constructor(wire, clock) {
    super();
    this.id = wire.message;
    this.parent = wire.parent;
    this.role = wire.role;
    this.edited = wire.edited ?? null; // the prompt that this one stands beside, while it is being sent
    this.createdAt = wire.created_at ? 1000 * wire.created_at : clock.now();
    this.clock = clock;
    this.#read(wire);
  }

  /** Become what is stored by now. */
  renew(wire) {
    this.#read(wire);
    this.tell();
  }

  #read({ text = "", thinking = "", state, reason = "", model = "", attachments = [], sources = [], usage = {} }) {
    // `sources` are what the numbers that an answer cites mean.
    Object.assign(this, { text, thinking, state, reason, model, attachments, sources, usage, error: null });
    this.thinkingMs = usage.thinking_ms ?? null;
    this.thinkingSince = null;
    this.lengths = { thinking: lengthOf(thinking), content: lengthOf(text) };
  }

  /** Where the next piece is expected, in code points. */
  get offsets() {
    return { ...this.lengths };
  }

  get isRunning() {
    return this.state === "running";
  }

  /** Whether the model can go on with it: it has begun, and has not ended by itself. */
  get isContinuable() {
    return this.role === "assistant" && !this.isRunning && this.reason !== "stop" && this.text.trim() !== "";
  }

  /** For how long it has been thinking by now, in ms. */
  get thinkingSoFarMs() {
    return this.thinkingSince === null ? 0 : this.clock.elapsed() - this.thinkingSince;
  }

  get isThinking() {
    return this.isRunning && this.thinking !== "" && this.text === "";
  }

  /** Take in a piece: what is known already is skipped. Throws GapError when something is missing before it. */
  append({ offsets, thinking = "", content = "" }) {
    const newThinking = this.#rest("thinking", offsets.thinking, thinking);
    const newContent = this.#rest("content", offsets.content, content);
    if (!newThinking && !newContent) return;
    if (newThinking) this.#think();
    if (newContent) this.#stopThinking();
    this.thinking += newThinking;
    this.text += newContent;
    this.tell();
  }

  /** The answer has ended: `reason` is the wire's. */
  finish({ reason, usage, error = null }) {
    if (this.reason === "lost") return; // a piece is missing: what ended is not what is shown
    this.#stopThinking();
    this.thinkingMs = usage.thinking_ms ?? this.thinkingMs;
    Object.assign(this, {
      reason,
      usage,
      error,
      state: reason === "stop" || reason === "length" ? "complete" : "incomplete",
    });
    this.tell();
  }

  /** The answer cannot be followed any more. */
  lose(reason = "lost") {
    this.#stopThinking();
    Object.assign(this, { state: "incomplete", reason });
    this.tell();
  }

  /** Begin at nothing again: what was shown does not fit what the server has. */
  clear() {
    Object.assign(this, { text: "", thinking: "", lengths: { thinking: 0, content: 0 } });
    this.tell();
  }

  set(changes) {
    Object.assign(this, changes);
    this.tell();
  }

  tell() {
    this.dispatchEvent(new Event("change"));
  }

  #rest(name, offset, piece) {
    if (!piece) return "";
    const known = this.lengths[name];
    if (offset > known) throw new GapError(`${name} begins at ${offset}, known are ${known}`);
    const points = [...piece].slice(known - offset);
    this.lengths[name] += points.length;
    return points.join("");
  }

  #think() {
    this.thinkingSince ??= this.clock.elapsed();
  }

  #stopThinking() {
    if (this.thinkingSince !== null) this.thinkingMs ??= this.clock.elapsed() - this.thinkingSince;
  }
}

function lengthOf(text) {
  return [...text].length;
}
