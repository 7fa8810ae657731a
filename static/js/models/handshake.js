/** One handshake: request → evidence and verdict → the browser's own appraisal → opening → proof of the session. */
import { openChannel } from "../crypto/channel.js";
import { b64decode, b64encode, hex } from "../crypto/encoding.js";
import { SUITES } from "../crypto/suites.js";
import { ProtocolError } from "../protocol/errors.js";
import { worseOutcome } from "./gate.js";
import { checkGrowth, logOf, needsProof } from "./log_view.js";
import { entriesOf } from "./opinions.js";

const NONCE_SIZE = 32;

export class Handshake {
  conversation;
  model;
  evidence = null;
  verdict = null;
  result = null;
  requestedAt = null;
  checkedAt = null;
  #settings;
  #nonce;
  #startedMs;
  #seenLog = null;

  /**
   * `settings` is `{appraise, policy, pin, logView, releases, origin, isLoopback, clock, random}`: the verifier, and the
   * values that this page was started with. `model` is null for the one that the server is configured with. `clock.now()` is wall time in ms, `clock.elapsed()` monotonic ms.
   */
  constructor(conversation, settings, model = null) {
    this.conversation = conversation;
    this.model = model;
    this.#settings = settings;
    this.#nonce = settings.random(NONCE_SIZE);
  }

  request() {
    this.requestedAt = this.#settings.clock.now();
    this.#startedMs = this.#settings.clock.elapsed();
    // As of now: another tab may see more of the log before this answer has come.
    this.#seenLog = this.#settings.logView.seen;
    const { conversation, model } = this;
    const request = { type: "attest.request", nonce: b64encode(this.#nonce), conversation, suites: SUITES };
    return model === null ? request : { ...request, model };
  }

  get record() {
    return this.evidence?.record ?? null;
  }

  /** Whether both halves of the answer have come. */
  get isAnswered() {
    return this.evidence !== null && this.verdict !== null;
  }

  /** Take in evidence or verdict, once each and of one record. Throws ProtocolError. */
  receive(message) {
    const part = message.type === "attest.evidence" ? "evidence" : "verdict";
    const isFirst = this[part] === null && (part === "evidence" || this.evidence !== null);
    if (!isFirst || (this.record !== null && message.record !== this.record)) {
      throw new ProtocolError(`${message.type} was not asked for`);
    }
    this[part] = message;
  }

  /** Appraise the evidence; what a release unknown here may explain is looked up once more. */
  async appraise() {
    const { releases } = this.#settings;
    this.result = await this.#appraiseWith(await releases.load());
    if (this.result.checks.some(({ code }) => code === "release_unknown")) {
      this.result = await this.#appraiseWith(await releases.reload());
    }
    this.checkedAt = this.#settings.clock.now();
    return this.result;
  }

  #appraiseWith(releases) {
    const { appraise, policy, pin, origin, isLoopback, clock } = this.#settings;
    const expectation = {
      nonce: this.#nonce,
      conversation: this.conversation,
      origin,
      suites: SUITES,
      deploymentKey: pin.key,
      now: new Date(clock.now()),
      elapsedS: (clock.elapsed() - this.#startedMs) / 1000,
      loopback: isLoopback,
      logView: this.#seenLog,
    };
    const answers = entriesOf(this.verdict).map(({ verifier: { name, jwks }, token }) => ({ name, token, jwks }));
    return appraise(this.evidence, { policy, expectation, releases, answers });
  }

  /** The worse of the browser's outcome and the service's. */
  get outcome() {
    return worseOutcome(this.result.outcome, this.verdict.outcome);
  }

  get isAffirmed() {
    return this.outcome === "affirming";
  }

  /** Seal an opening to the key that was appraised: `{message, channel}`. Throws ChannelError. */
  async open({ user, historyKey, enroll, acceptRisk }) {
    const suite = this.result.statement.kemSuite;
    const checkpoint = this.#isLogGrown ? this.#seenLog : null;
    const { sealed, channel } = await openChannel({
      statement: b64decode(this.evidence.statement),
      kemKey: b64decode(this.evidence.kem_key),
      suite,
      opening: { user, historyKey, enroll, outcome: this.result.outcome, acceptRisk, checkpoint },
    });
    return { message: { type: "session.open", record: this.record, suite, sealed: b64encode(sealed) }, channel };
  }

  /** Compare the session's first sealed message with what was attested. Throws ProtocolError. */
  async verifyReady(message, { user }) {
    const digest = await crypto.subtle.digest("SHA-256", b64decode(this.evidence.statement));
    const expected = {
      type: "session.ready",
      record: this.record,
      statement_sha256: hex(new Uint8Array(digest)),
      user,
      conversation: this.conversation,
      outcome: this.outcome, // the worse of both, as both sides know it; the badge must not show a better one
    };
    for (const [name, value] of Object.entries(expected)) {
      if (message[name] !== value) throw new ProtocolError(`session.ready has another ${name}`);
    }
  }

  /** Judge whether the log only grew since it was last seen, and remember it. Returns false where it did not. */
  async verifyLog({ consistency }) {
    const log = logOf(this.result.statement);
    if (this.#isLogGrown) {
      const check = await checkGrowth(this.#seenLog, log, consistency);
      const outcome = check.status === "pass" ? this.result.outcome : "contraindicated";
      this.result = { ...this.result, outcome, checks: [...this.result.checks, check] };
      if (check.status !== "pass") return false;
    }
    this.#settings.logView.keep(log);
    return true;
  }

  get #isLogGrown() {
    return needsProof(this.#seenLog, logOf(this.result.statement));
  }
}
