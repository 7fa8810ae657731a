/** Which model answers, and how it is asked to: here or everywhere. Says of each model what a choice depends on. */
import { clone, setText, showText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { bytes, number, shortened } from "../lib/format.js";
import { faultWords, words } from "../lib/words.js";
import { storedWords } from "./weights.js";

export class ModelDialog extends PageElement {
  #settings = null;
  #inputs = {};

  connected() {
    const { dialog, form, cancel, forAll } = this.parts;
    this.listen(cancel, "click", () => dialog.close());
    this.listen(forAll, "click", () => this.#save(true));
    this.listen(form, "submit", (event) => {
      event.preventDefault();
      this.#save(false);
    });
  }

  open(settings) {
    this.#settings = settings;
    const { catalogue, effective, model } = this.#settings;
    const { dialog, models, system, none } = this.parts;
    none.hidden = catalogue.models.length > 0;
    models.replaceChildren(...catalogue.models.map((one) => this.#card(one, one.name === model?.name)));
    system.value = effective.system;
    this.#showParameters(catalogue.options, effective.options);
    setText(this.parts.fault, "");
    dialog.showModal();
  }

  #card(model, isChosen) {
    const { element, parts } = clone("model-card");
    parts.choice.value = model.name;
    parts.choice.checked = isChosen;
    setText(parts.name, model.name);
    const facts = [
      model.parameter_size && words("model.parameters", { size: model.parameter_size }),
      model.quantization,
      words("model.size", { size: bytes(model.size) }),
      words("model.context", { tokens: number(model.context_tokens), most: number(model.context_length ?? 0) }),
      words(model.loaded ? "model.loaded" : "model.not_loaded"),
      words(model.thinks ? "model.thinks" : "model.thinks_not"),
      words(model.sees ? "model.sees" : "model.sees_not"),
    ];
    setText(parts.facts, facts.filter(Boolean).join(" · "));
    setText(parts.digest, shortened(model.digest.replace("sha256:", ""), 8));
    parts.digest.title = model.digest;
    setText(parts.listed, words(model.listed ? "model.listed" : "model.not_listed"));
    parts.listed.classList.toggle("is-unlisted", !model.listed);
    showText(parts.stored, storedWords(model));
    return element;
  }

  /** One field for each row of the server's table; an empty one is the model's own value. */
  #showParameters(table, options) {
    this.#inputs = {};
    const fields = Object.entries(table).map(([name, { kind, least, most }]) => {
      const { element, parts } = clone("parameter-field");
      const { input } = parts;
      setText(parts.name, name);
      setText(parts.hint, words(`parameter.${name}`));
      Object.assign(input, { min: least, max: most, step: kind === "integer" ? 1 : "any", name });
      input.placeholder = words("parameter.bounds", { least: number(least), most: number(most) });
      input.value = options[name] ?? "";
      this.#inputs[name] = input;
      return element;
    });
    this.parts.parameters.replaceChildren(...fields);
    this.parts.more.open = Object.keys(options).length > 0;
  }

  /** Keep what was chosen for this conversation, or for all; then there is nothing of its own left for this one. */
  async #save(isForAll) {
    const { dialog, form, system, fault } = this.parts;
    const isValid = Object.values(this.#inputs).every((input) => input.checkValidity());
    if (!isValid) this.parts.more.open = true;
    if (!form.reportValidity()) return;
    const entries = Object.entries(this.#inputs).filter(([, input]) => input.value !== "");
    const options = Object.fromEntries(entries.map(([name, input]) => [name, input.valueAsNumber]));
    const model = new FormData(form).get("model") ?? null;
    const wish = { model, system: system.value.toWellFormed().trim(), options };
    try {
      if (isForAll) await this.#settings.changeOwn(wish);
      else await this.#settings.change(wish);
      dialog.close();
    } catch (error) {
      setText(fault, faultWords(error.code));
    }
  }
}

customElements.define("model-dialog", ModelDialog);
