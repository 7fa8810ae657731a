/** One handshake driven from its request to a proved session, or to the reason why there is none. */
import { ProtocolError } from "../protocol/errors.js";
import { decide, faultsOf, refusalOf } from "./gate.js";
import { Handshake } from "./handshake.js";

const LIMIT_MS = 60_000;

export class Negotiation {
  handshake;
  isRisk = false;
  isStored = false;
  #settings;
  #host;
  #isOver = false;
  #cancelLimit = () => {};

  /**
   * `settings` is a Handshake's, and `{user, historyKey, enforcement}`. `host` is the session:
   * `{life, exchange, send(message), fail(code), accepted}`; `accepted` maps a conversation to the faults that its user
   * has accepted.
   */
  constructor({ conversation, model }, settings, host) {
    this.handshake = new Handshake(conversation, settings, model);
    this.#settings = settings;
    this.#host = host;
  }

  begin(event) {
    this.#cancelLimit = this.#settings.clock.after(LIMIT_MS, () => this.#host.fail("timeout"));
    this.#host.life.move(event);
    this.#host.send(this.handshake.request());
  }

  /** Nothing that is still under way counts any more. */
  cancel() {
    this.#isOver = true;
    this.#cancelLimit();
  }

  /** Take in evidence or verdict; with both, appraise them. Resolves to true when that is done. Throws ProtocolError. */
  async receive(message) {
    if (this.#host.life.state !== "requesting") throw new ProtocolError(`${message.type} was not asked for`);
    this.handshake.receive(message);
    if (!this.handshake.isAnswered) return false;
    this.#host.life.move("answered");
    try {
      await this.handshake.appraise();
    } catch (error) {
      if (!this.#isOver) this.#host.fail(error.code ?? "appraisal_failed");
      return false;
    }
    return !this.#isOver;
  }

  /** Decide on the browser's own result: open, have the user asked, or refuse. */
  async decide() {
    const { result, verdict, isAffirmed } = this.handshake;
    const { enforcement, pin, clock } = this.#settings;
    const decision = decide({ enforcement, result, serviceOutcome: verdict.outcome });
    if (result.outcome === "affirming") pin.confirm(clock.now());
    if (decision === "refuse") return this.#host.life.move("refuse", refusalOf(result));
    if (isAffirmed) return this.#open("affirm");
    this.#cancelLimit();
    this.#host.life.move("doubt", refusalOf(result));
    this.#host.life.hold(null, result.validUntil);
    const accepted = this.#host.accepted.get(this.handshake.conversation);
    if (accepted && faultsOf(result).every((id) => accepted.includes(id))) await this.acceptRisk();
  }

  /** The user has read what did not pass and goes on; the same faults are not asked about again. */
  acceptRisk() {
    this.isRisk = true;
    this.#host.accepted.set(this.handshake.conversation, faultsOf(this.handshake.result));
    return this.#open("accept");
  }

  /** The server uses the new keys from here on. Throws ProtocolError. */
  switch({ record }) {
    const { life, exchange } = this.#host;
    if (life.state !== "opening" || record !== this.handshake.record) throw new ProtocolError("unasked switch");
    exchange.switch();
    life.move("switched");
  }

  /** Return what `session.ready` proved. Throws ProtocolError when it is another session than the one opened. */
  async prove(message) {
    try {
      await this.handshake.verifyReady(message, { user: this.#settings.user });
    } catch (error) {
      this.#host.life.move("refuse", { code: "session_mismatch" });
      throw error;
    }
    if (!(await this.handshake.verifyLog(message))) {
      this.#host.life.move("refuse", refusalOf(this.handshake.result));
      throw new ProtocolError("the log does not continue the one seen before");
    }
    this.#cancelLimit();
    if (this.isStored) await this.#settings.historyKey.confirm();
    return { handshake: this.handshake, isRisk: this.isRisk, isStored: this.isStored, resume: message.resume };
  }

  async #open(event) {
    const { user, historyKey } = this.#settings;
    const { exchange } = this.#host;
    this.#host.life.move(event);
    try {
      const key = await historyKey.opening({ isAffirmed: !this.isRisk });
      this.isStored = key.historyKey !== null;
      const { message, channel } = await this.handshake.open({ user, ...key, acceptRisk: this.isRisk });
      await exchange.drained();
      if (this.#isOver) return;
      exchange.prepare(channel);
      this.#host.send(message);
    } catch (error) {
      if (!this.#isOver) this.#host.fail(error.code ?? "opening_failed");
    }
  }
}
