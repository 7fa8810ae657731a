/** The prompts that a user keeps: chosen to write on, added, changed and taken away. Opened by a button or by `/`. */
import { clone, setText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { faultWords } from "../lib/words.js";

export class TemplateDialog extends PageElement {
  #settings = null;
  #edited = -1;

  connected() {
    const { dialog, close, filter, form, add, cancel } = this.parts;
    this.listen(close, "click", () => dialog.close());
    this.listen(filter, "input", () => this.#show());
    this.listen(filter, "keydown", (event) => this.#key(event));
    this.listen(add, "click", () => this.#edit(-1, { name: "", text: "" }));
    this.listen(cancel, "click", () => this.#browse());
    this.listen(form, "submit", (event) => {
      event.preventDefault();
      this.#save();
    });
  }

  open(settings) {
    this.#settings = settings;
    this.parts.filter.value = "";
    this.#browse();
    this.parts.dialog.showModal();
    this.parts.filter.focus();
  }

  #browse() {
    const { browsing, form, fault } = this.parts;
    browsing.hidden = false;
    form.hidden = true;
    setText(fault, "");
    this.#show();
  }

  #show() {
    const { list, filter, empty } = this.parts;
    const wanted = filter.value.trim().toLocaleLowerCase();
    const all = this.#settings.templates.map((template, index) => ({ template, index }));
    const found = all.filter(({ template: { name, text } }) => `${name}\n${text}`.toLocaleLowerCase().includes(wanted));
    list.replaceChildren(...found.map(({ template, index }) => this.#row(template, index)));
    empty.hidden = all.length > 0;
  }

  #row(template, index) {
    const { element, parts } = clone("template-row");
    setText(parts.name, template.name);
    setText(parts.text, template.text);
    parts.use.addEventListener("click", () => this.#use(template));
    parts.edit.addEventListener("click", () => this.#edit(index, template));
    parts.remove.addEventListener("click", () => this.#keep(this.#settings.templates.filter((_, i) => i !== index)));
    return element;
  }

  /** Enter takes the first one that is found; an input method's own Enter is left to it. */
  #key(event) {
    if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    this.parts.list.querySelector("[data-ref=use]")?.click();
  }

  #use({ text }) {
    this.parts.dialog.close();
    this.tell("template", text);
  }

  #edit(index, { name, text }) {
    const { browsing, form, name: nameField, text: textField } = this.parts;
    this.#edited = index;
    nameField.value = name;
    textField.value = text;
    browsing.hidden = true;
    form.hidden = false;
    nameField.focus();
  }

  #save() {
    const { name, text } = this.parts;
    const template = { name: name.value.toWellFormed().trim(), text: text.value.toWellFormed().trim() };
    const templates = [...this.#settings.templates];
    if (this.#edited === -1) templates.push(template);
    else templates[this.#edited] = template;
    return this.#keep(templates);
  }

  async #keep(templates) {
    try {
      await this.#settings.saveTemplates(templates);
      this.#browse();
    } catch (error) {
      setText(this.parts.fault, faultWords(error.code));
    }
  }
}

customElements.define("template-dialog", TemplateDialog);
