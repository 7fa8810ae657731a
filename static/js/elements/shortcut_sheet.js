/** The sheet of shortcuts, and the switch for those that are one key alone (WCAG 2.2, 2.1.4). */
import { PageElement } from "../lib/element.js";
import { isApple } from "../lib/keyboard.js";

export class ShortcutSheet extends PageElement {
  #singleKeys = null;

  connected() {
    const { single } = this.parts;
    for (const key of isApple() ? this.querySelectorAll("kbd[data-apple]") : []) key.textContent = key.dataset.apple;
    this.listen(single, "change", () => (this.#singleKeys.isOn = single.checked));
  }

  open(singleKeys) {
    this.#singleKeys = singleKeys;
    this.parts.single.checked = singleKeys.isOn;
    this.parts.dialog.showModal();
  }
}

customElements.define("shortcut-sheet", ShortcutSheet);
