/** Where a session stands: its state, why, and what is proved for as long as the evidence holds. Tells by `change`. */
import { canHappen, nextState } from "./transitions.js";

const RENEW_BEFORE_MS = 60_000;

/** How old a proof may grow while somebody looks and nothing is under way. */
const BEAT_MS = 300_000;

/** States in which nothing is proved. Under renewal (`requesting` to `proving`) what was proved may still hold. */
const UNPROVED = new Set(["closed", "stale", "deciding", "refused"]);

export class Life extends EventTarget {
  #clock;
  #hooks;
  #state = "closed";
  #reason = null;
  #held = null;
  #until = 0;
  #untilElapsed = 0;
  #freshUntil = 0;
  #cancels = [];

  /**
   * `hooks` are `onRelease()`; `onDue()` a minute before the evidence ends, and every few minutes when `isAtRest()`: while
   * somebody looks and nothing is under way; and `onEnd()`.
   */
  constructor(clock, hooks) {
    super();
    this.#clock = clock;
    this.#hooks = hooks;
  }

  get state() {
    return this.#state;
  }

  /** Why nothing can be sent: `{code, check?}`, or null. */
  get reason() {
    return this.#reason;
  }

  /** What is proved and holds now, under renewal or not: `{handshake, isRisk, isStored, resume}`, or null. */
  get held() {
    return this.isExpired ? null : this.#held;
  }

  /** Timers may be late and a clock may be set back: whichever says so first. */
  get isExpired() {
    return this.#clock.now() >= this.#until || this.#clock.elapsed() >= this.#untilElapsed;
  }

  /** Called every few seconds: after a computer has slept, no timer says in time what has ended or grown old. */
  watch() {
    const now = this.#clock.now();
    if (this.isExpired && this.can("expire")) this.#hooks.onEnd();
    else if (now >= this.#freshUntil && this.#hooks.isAtRest()) {
      this.#freshUntil = now + BEAT_MS;
      this.#hooks.onDue();
    }
  }

  can(event) {
    return canHappen(this.#state, event);
  }

  move(event, reason = null) {
    this.#state = nextState(this.#state, event);
    this.#reason = reason;
    if (UNPROVED.has(this.#state)) this.release();
    this.tell();
  }

  /** Keep what was proved, or null, until the evidence ends (a Date, or null where none was readable). */
  hold(held, until) {
    this.release();
    this.#held = held;
    this.#until = until?.getTime() ?? 0;
    const rest = Math.max(0, this.#until - this.#clock.now());
    this.#untilElapsed = this.#clock.elapsed() + rest;
    this.#freshUntil = this.#clock.now() + BEAT_MS;
    this.#cancels = [
      this.#clock.after(Math.max(rest - RENEW_BEFORE_MS, rest / 2), this.#hooks.onDue),
      this.#clock.after(rest, this.#hooks.onEnd),
    ];
  }

  /** What was proved counts no more. */
  release() {
    for (const cancel of this.#cancels) cancel();
    this.#cancels = [];
    this.#until = 0;
    this.#held = null;
    this.#hooks.onRelease();
  }

  tell() {
    this.dispatchEvent(new Event("change"));
  }
}
