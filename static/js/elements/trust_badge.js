/** The badge beside the composer, and the card behind it: opened by pointing, by focus, or by a tap that holds it. */
import { setMark, setText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { badgeWord, briefSentence, markOf, trustSentence, validityWords } from "../lib/trust_words.js";
import { isUnmeasured } from "../models/evidence.js";
import { trustOf } from "../models/trust.js";
import { fillChanges } from "./changes.js";
import { checkRows } from "./check_rows.js";
import { fillFacts, summaryFacts } from "./facts.js";
import { fillServices } from "./service.js";
import { fillWeights } from "./weights.js";

const OPEN_AFTER_MS = 120;
const CLOSE_AFTER_MS = 220;
const CARD_GAP_PX = 24;
const REFRESH_MS = 5_000;

export class TrustBadge extends PageElement {
  #session = null;
  #known = null;
  #timer = null;
  #isPinned = false;

  /** `{session, settings, pins, sightings}`: what is proved now, which model that is about, and what was before. */
  attach(known) {
    this.#known = known;
    this.#session = known.session;
    const { session, settings, sightings } = known;
    for (const model of [session, settings, sightings]) this.listen(model, "change", () => this.#show());
    this.#show();
  }

  connected() {
    const { badge, card, close, again, details } = this.parts;
    this.listen(badge, "click", () => this.#toggle());
    this.listen(this, "pointerenter", (event) => event.pointerType === "mouse" && this.#later(true, OPEN_AFTER_MS));
    this.listen(this, "pointerleave", (event) => event.pointerType === "mouse" && this.#later(false, CLOSE_AFTER_MS));
    this.listen(badge, "focus", () => badge.matches(":focus-visible") && this.#open());
    this.listen(this, "focusout", (event) => this.#focusLeft(event.relatedTarget));
    this.listen(this, "keydown", (event) => event.key === "Escape" && this.#escape(event));
    this.listen(document, "pointerdown", (event) => !this.contains(event.target) && this.#close());
    this.listen(close, "click", () => this.#close());
    this.listen(again, "click", () => this.#session.attest());
    this.listen(details, "click", () => {
      this.#close();
      this.tell("trust-details");
    });
    card.hidden = true;
    this.every(REFRESH_MS, () => this.#session && this.#show());
  }

  #show() {
    const trust = trustOf(this.#session);
    const { badge, mark, word, sentence, headline, valid } = this.parts;
    badge.dataset.state = trust.state;
    badge.toggleAttribute("data-simulated", trust.state === "verified" && trust.simulated);
    setMark(mark, markOf(trust));
    setText(word, badgeWord(trust));
    setText(sentence, briefSentence(trust));
    setText(headline, trustSentence(trust));
    setText(valid, validityWords(trust));
    if (!this.parts.card.hidden) this.#fill(trust);
  }

  #fill(trust) {
    const { checks, checkRows: body, unmeasured, weights, services, changes, facts } = this.parts;
    const rows = trust.handshake?.result ? checkRows(trust.handshake) : [];
    checks.hidden = rows.length === 0;
    body.replaceChildren(...rows);
    unmeasured.hidden = !isUnmeasured(trust.handshake);
    fillWeights(weights, trust.handshake, this.#known.settings.model);
    fillServices(services, trust.services);
    fillChanges(changes, trust, this.#known);
    fillFacts(facts, summaryFacts(trust.handshake), { isShort: true });
  }

  #toggle() {
    if (this.#isPinned) return this.#close();
    this.#isPinned = true;
    this.#open();
  }

  /** The focus went elsewhere on the page; where it went nowhere, a pointer decides. */
  #focusLeft(target) {
    if (target && !this.contains(target)) this.#close();
  }

  #escape(event) {
    if (this.parts.card.hidden) return;
    event.stopPropagation();
    this.#close();
    this.parts.badge.focus();
    this.#close();
  }

  #later(isOpen, ms) {
    clearTimeout(this.#timer);
    if (!isOpen && this.#isPinned && this.matches(":hover, :focus-within")) return;
    this.#timer = setTimeout(() => (isOpen ? this.#open() : this.#leave()), ms);
  }

  /** The pointer or the focus has gone: what was only looked at closes, what was tapped stays until its end. */
  #leave() {
    if (!this.#isPinned && !this.contains(document.activeElement)) this.#close();
  }

  #open() {
    clearTimeout(this.#timer);
    this.parts.card.hidden = false;
    this.#place();
    this.parts.badge.setAttribute("aria-expanded", "true");
    this.#fill(trustOf(this.#session));
  }

  /** Above or below the badge, where there is more room. */
  #place() {
    const { badge, card } = this.parts;
    const { top, bottom } = badge.getBoundingClientRect();
    const below = window.innerHeight - bottom;
    card.classList.toggle("is-below", below > top);
    card.style.setProperty("--room", `${Math.max(below, top) - CARD_GAP_PX}px`);
  }

  #close() {
    clearTimeout(this.#timer);
    this.#isPinned = false;
    this.parts.card.hidden = true;
    this.parts.badge.setAttribute("aria-expanded", "false");
  }
}

customElements.define("trust-badge", TrustBadge);
