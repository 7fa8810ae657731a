/** The details panel in its three layers: one sentence, the checks, the technical evidence. */
import { askDialog, setMark, setText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { badgeWord, markOf, trustSentence } from "../lib/trust_words.js";
import { words } from "../lib/words.js";
import { isUnmeasured } from "../models/evidence.js";
import { fingerprintOf } from "../models/pins.js";
import { trustOf } from "../models/trust.js";
import { checkItems } from "./check_rows.js";
import { fillChanges } from "./changes.js";
import { evidenceSections } from "./evidence.js";
import { fillServices } from "./service.js";
import { fillWeightsWhole } from "./weights.js";

export class TrustDetails extends PageElement {
  #session = null;
  #known = null;
  #shown = null;

  connected() {
    const { panel, close, again, pinAccept } = this.parts;
    this.listen(close, "click", () => panel.close());
    this.listen(panel, "click", (event) => event.target === panel && panel.close());
    this.listen(again, "click", () => this.#session.attest());
    this.listen(pinAccept, "click", () => this.#acceptPin());
  }

  #attach(known) {
    this.#known = known;
    this.#session = known.session;
    for (const model of [known.session, known.settings, known.sightings]) {
      this.listen(model, "change", () => this.parts.panel.open && this.#show());
    }
  }

  /** Open the panel; `known` is as the badge has it, and `part` names where to begin. */
  open(known, part) {
    if (known !== this.#known) this.#attach(known);
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
    fillChanges(this.parts.changes, trust, this.#known);
    this.parts.pinAccept.hidden = this.#changedPins.length === 0;
    fillWeightsWhole(this.parts.weights, trust.handshake, this.#known.settings.model);
    const handshake = trust.handshake?.result ? trust.handshake : null;
    if (handshake === this.#shown) return;
    this.#shown = handshake;
    fillServices(this.parts.services, trust.services);
    this.#showEvidence(handshake);
  }

  #showEvidence(handshake) {
    const { checks, unmeasured, evidence, bundle, bundleHint } = this.parts;
    checks.replaceChildren(...(handshake ? checkItems(handshake) : []));
    unmeasured.hidden = !isUnmeasured(handshake);
    evidence.replaceChildren(...(handshake ? evidenceSections(handshake, (isDone) => this.#copied(isDone)) : []));
    bundle.hidden = bundleHint.hidden = handshake === null;
    if (handshake) bundle.href = `/attestation/records/${handshake.record}/evidence.zip`;
  }

  get #changedPins() {
    return this.#known.pins.filter(({ hasChanged }) => hasChanged);
  }

  async #acceptPin() {
    const prints = this.#changedPins.map(({ offered }) => fingerprintOf(offered));
    document.querySelector("#pin-dialog .digest").textContent = prints.join("\n");
    if (!(await askDialog("pin-dialog"))) return;
    for (const pin of this.#changedPins) pin.accept(Date.now());
    this.#session.attest();
  }

  #copied(isDone) {
    this.tell("toast", words(isDone ? "copy.done" : "copy.failed"));
  }
}

customElements.define("trust-details", TrustDetails);
