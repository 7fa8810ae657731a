/** What this browser saw of this site, on the page that explains it: values as they are kept here, with their times. */
import { browserParts } from "../lib/browser.js";
import { seenName } from "../lib/change_words.js";
import { make } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { dateTime } from "../lib/format.js";
import { words } from "../lib/words.js";
import { lastSeen } from "../models/sightings.js";

export class OwnValues extends PageElement {
  connected() {
    const { storage } = browserParts();
    this.listen(window, "storage", () => this.#show(storage));
    this.#show(storage);
  }

  #show(storage) {
    const { none, seen: box, summary, simulated, values } = this.parts;
    const seen = lastSeen(storage);
    none.hidden = seen !== null;
    box.hidden = seen === null;
    if (seen === null) return;
    summary.textContent = words("seen.summary", { origin: seen.origin, at: time(seen.at), first: time(seen.firstAt) });
    simulated.hidden = !seen.simulated;
    values.replaceChildren(...Object.entries(seen.values).flatMap(([name, found]) => fact(name, found)));
  }
}

function fact(name, { value, since }) {
  const when = make("span", { className: "muted", text: words("seen.since", { since: time(since) }) });
  return [make("dt", { text: seenName(name) }), make("dd", { children: [make("code", { text: value }), when] })];
}

function time(ms) {
  return dateTime(new Date(ms));
}

customElements.define("own-values", OwnValues);
