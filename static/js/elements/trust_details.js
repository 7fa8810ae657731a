/** The details panel in its three layers: one sentence, the checks, the technical evidence. */
import { askDialog, setMark, setText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { dateTime, shortened } from "../lib/format.js";
import { badgeWord, markOf, trustSentence } from "../lib/trust_words.js";
import { words } from "../lib/words.js";
import { fingerprintOf } from "../models/pins.js";
import { trustOf } from "../models/trust.js";
import { checkItems } from "./check_rows.js";
import { evidenceSections } from "./evidence.js";
import { fillService } from "./service.js";

export class TrustDetails extends PageElement {
  #session = null;
  #pin = null;
  #shown = null;

  connected() {
    const { panel, close, again, pinAccept } = this.parts;
    this.listen(close, "click", () => panel.close());
    this.listen(panel, "click", (event) => event.target === panel && panel.close());
    this.listen(again, "click", () => this.#session.attest());
    this.listen(pinAccept, "click", () => this.#acceptPin());
  }

  /** `pin` is the LogKeyPin that the session verifies with. */
  attach(session, pin) {
    this.#session = session;
    this.#pin = pin;
    this.listen(session, "change", () => this.parts.panel.open && this.#show());
  }

  /** Open the panel; `part` names the part to begin with. */
  open(part = "body") {
    this.#show();
    this.parts.panel.showModal();
    this.parts.body.scrollTop = 0;
    if (part !== "body") this.parts[part].scrollIntoView();
    this.parts[part].focus({ preventScroll: true });
  }

  #show() {
    const trust = trustOf(this.#session);
    const { verdict, mark, word, sentence } = this.parts;
    verdict.dataset.state = trust.state;
    setMark(mark, markOf(trust));
    setText(word, badgeWord(trust));
    setText(sentence, trustSentence(trust));
    this.#showPin();
    const handshake = trust.handshake?.result ? trust.handshake : null;
    if (handshake === this.#shown) return;
    this.#shown = handshake;
    fillService(this.parts.service, trust.service);
    this.#showEvidence(handshake);
  }

  #showEvidence(handshake) {
    const { checks, evidence, bundle, bundleHint } = this.parts;
    checks.replaceChildren(...(handshake ? checkItems(handshake) : []));
    evidence.replaceChildren(...(handshake ? evidenceSections(handshake, (isDone) => this.#copied(isDone)) : []));
    bundle.hidden = bundleHint.hidden = handshake === null;
    if (handshake) bundle.href = `/attestation/records/${handshake.record}/evidence.zip`;
  }

  #showPin() {
    const { pinChange, pinText } = this.parts;
    pinChange.hidden = !this.#pin.hasChanged;
    if (pinChange.hidden) return;
    const { key, since } = this.#pin.pinned;
    const values = { since: dateTime(new Date(since)), old: fingerprint(key), new: fingerprint(this.#pin.offered) };
    setText(pinText, words("pin.changed", values));
  }

  async #acceptPin() {
    document.querySelector("#pin-dialog .digest").textContent = fingerprint(this.#pin.offered);
    if (!(await askDialog("pin-dialog"))) return;
    this.#pin.accept(Date.now());
    this.#session.attest();
  }

  #copied(isDone) {
    this.tell("toast", words(isDone ? "copy.done" : "copy.failed"));
  }
}

function fingerprint(key) {
  return shortened(fingerprintOf(key), 16);
}

customElements.define("trust-details", TrustDetails);
