/** Below the text: how much the model thinks, the prompts that one keeps, and how much of its context is taken. */
import { setText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { number } from "../lib/format.js";
import { words } from "../lib/words.js";
import { contextUse } from "../models/context_use.js";

/** From here on the meter says that it becomes tight. */
const TIGHT_SHARE = 0.8;

export class ComposerTools extends PageElement {
  #chat = null;
  #draft = "";

  connected() {
    const { effort, templates } = this.parts;
    this.listen(effort, "change", () => this.#choose(effort.value));
    this.listen(templates, "click", () => this.tell("templates-wanted"));
  }

  attach(chat) {
    this.#chat = chat;
    for (const changing of [chat.settings, chat.uploads]) this.listen(changing, "change", () => this.#show());
    this.#show();
  }

  /** What is being written, which takes room as well. */
  set draft(text) {
    this.#draft = text;
    this.#show();
  }

  #show() {
    if (!this.#chat) return;
    this.#showEffort();
    const { conversation, settings, uploads } = this.#chat;
    const { model, effective } = settings;
    const limit = Math.min(effective.options.num_ctx ?? Infinity, model?.context_tokens ?? 0);
    this.parts.meter.hidden = limit === 0;
    if (limit === 0) return;
    const path = conversation?.path ?? [];
    const waiting = uploads.items.flatMap(({ told }) => told ?? []);
    const asked = { draft: this.#draft, system: effective.system, limit, waiting, sees: model.sees };
    const { tokens, isExact, leftOut, files, isPart } = contextUse(path, asked);
    const values = { tokens: number(tokens), limit: number(limit), count: leftOut, files: number(files) };
    setText(this.parts.meter, words(meterKey({ isExact, files, isPart }), values));
    this.parts.meter.classList.toggle("is-tight", tokens > TIGHT_SHARE * limit);
    this.parts.leftOut.hidden = leftOut === 0;
    setText(this.parts.leftOut, leftOut === 0 ? "" : words("context.left_out", values));
  }

  #showEffort() {
    const { effort, effortLabel } = this.parts;
    const { model, effective } = this.#chat.settings;
    const efforts = model?.efforts ?? [];
    effortLabel.hidden = efforts.length === 0;
    const known = [...effort.options].map(({ value }) => value);
    if (known.join() !== efforts.join()) {
      effort.replaceChildren(...efforts.map((value) => new Option(words(`effort.${value}`), value)));
    }
    const usual = efforts.includes("on") ? "on" : "medium";
    effort.value = efforts.includes(effective.effort) ? effective.effort : usual;
  }

  async #choose(effort) {
    try {
      await this.#chat.settings.change({ effort });
    } catch (error) {
      this.tell("fault", error);
    }
  }
}

function meterKey({ isExact, files, isPart }) {
  if (isExact) return "context.exact";
  if (files === 0) return "context.about";
  return `context.about_${isPart ? "passages" : "files"}`;
}

customElements.define("composer-tools", ComposerTools);
