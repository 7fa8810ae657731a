/**
 * The attested session of one tab: connects, has the server prove what it is, opens on the browser's own appraisal
 * alone, and renews the proof before it ends. Tells of itself by `change` and `attested` events,
 * and of what other sessions of the user changed by `noticed`.
 */
import { ProtocolError, RequestError } from "../protocol/errors.js";
import { Exchange } from "./exchange.js";
import { Life } from "./life.js";
import { Link } from "./link.js";
import { Negotiation } from "./negotiation.js";

const KEPT_RETRY_MS = 15_000;
const RENEWABLE = new Set(["ready", "stale", "refused", "deciding"]);

/** Failures that say nothing of the server's honesty: a running session outlives them until its evidence ends. */
const PASSING = new Set(["attestation_unavailable", "model_unavailable", "releases_unavailable", "timeout"]);

export class Session extends Life {
  #settings;
  #link;
  #exchange;
  /** The model to ask for, or null for the one that the server is configured with. */
  model = null;
  #conversation = null;
  #negotiation = null;
  #accepted = new Map();

  /** `settings` is a Negotiation's, and `{openSocket, isVisible}`. */
  constructor(settings) {
    const exchange = new Exchange((frame) => this.#link.sendSealed(frame));
    super(settings.clock, {
      onRelease: () => exchange.failAll("session_ended"),
      isAtRest: () => this.state === "ready" && exchange.isIdle && settings.isVisible(),
      onDue: () => this.state === "ready" && settings.isVisible() && this.attest(),
      onEnd: () => this.#expire(),
    });
    this.#settings = settings;
    this.#exchange = exchange;
    this.#link = new Link(settings.openSocket, settings.clock, {
      onOpen: () => this.#request("opened"),
      onClear: (message) => this.#receive(message),
      onSealed: (frame) => this.#unseal(frame),
      onLost: (reason) => this.#lost(reason),
      onRetry: () => this.state === "closed" && this.attest(),
    });
  }

  get conversation() {
    return this.#conversation;
  }

  /** The newest handshake: under way, or the one that decided; null before the first. */
  get handshake() {
    return this.#negotiation?.handshake ?? null;
  }

  /** Have the server prove itself for a conversation; a handshake under way for another is brought to its end first. */
  attest(conversation = this.#conversation) {
    if (conversation !== this.#conversation) this.release();
    this.#conversation = conversation;
    if (!this.#link.isOpen && this.can("connect")) {
      this.move("connect", this.state === "closed" ? this.reason : null);
      this.#link.connect();
    } else if (RENEWABLE.has(this.state)) this.#request("renew");
    else this.tell();
  }

  /** The page is looked at again, or the network is back: what has ended meanwhile begins anew. */
  wake() {
    this.watch();
    if (this.state === "closed" || this.state === "stale") this.attest();
  }

  /** Go on although not everything passed: the user has read what that means. */
  acceptRisk() {
    return this.#negotiation.acceptRisk();
  }

  /** Send one request and return its final answer. Throws RequestError; nothing is ever sent before trust. */
  async ask(message, onEvent) {
    if (this.isExpired) this.#expire();
    if (this.state !== "ready") throw new RequestError("not_ready", { retry: true });
    return this.#exchange.ask(message, onEvent);
  }

  #request(event) {
    this.#negotiation?.cancel();
    this.#negotiation = new Negotiation({ conversation: this.#conversation, model: this.model }, this.#settings, {
      exchange: this.#exchange,
      life: this,
      send: (message) => this.#link.send(message),
      fail: (code) => this.#fail(code),
      accepted: this.#accepted,
    });
    this.#negotiation.begin(event);
  }

  async #receive(message) {
    const negotiation = this.#negotiation;
    if (message.type === "error") this.#fail(message.code);
    else if (!negotiation) throw new ProtocolError(`${message.type} was not asked for`);
    else if (message.type === "session.switch") negotiation.switch(message);
    else if (await negotiation.receive(message)) {
      this.dispatchEvent(new CustomEvent("attested", { detail: negotiation.handshake }));
      if (this.#isWanted) await negotiation.decide();
      else this.#request("renew");
    } else this.tell();
  }

  async #unseal(frame) {
    const message = await this.#exchange.open(frame);
    const { type, changes } = message;
    if (type === "changes.noticed") return this.dispatchEvent(new CustomEvent("noticed", { detail: changes }));
    if (this.state !== "proving") return this.#exchange.accept(message);
    const proved = await this.#negotiation.prove(message);
    this.#link.settle();
    if (!this.#isWanted) return this.#request("renew");
    this.hold(proved, proved.handshake.result.validUntil);
    this.move("proved");
  }

  get #isWanted() {
    return this.handshake.conversation === this.#conversation;
  }

  #expire() {
    if (!this.can("expire")) return this.tell();
    this.move("expire", { code: "expired" });
    if (this.#settings.isVisible()) this.attest();
  }

  /** A handshake came to nothing. Outside of one, a clear error only announces the close that follows. */
  #fail(code) {
    if (RENEWABLE.has(this.state) || !this.handshake) return;
    this.#negotiation.cancel();
    if (!this.#isWanted) return this.#request("renew");
    if (PASSING.has(code) && this.held && this.can("keep")) {
      this.move("keep");
      this.#settings.clock.after(KEPT_RETRY_MS, () => this.state === "ready" && this.attest());
    } else this.move("refuse", { code });
  }

  #lost(reason) {
    const event = reason === "refused_by_policy" && this.can("refuse") ? "refuse" : "lost";
    this.#negotiation?.cancel();
    this.#exchange.end("connection_lost");
    this.move(event, this.state === "refused" ? this.reason : { code: reason });
  }
}
