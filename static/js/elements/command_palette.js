/**
 * Actions and conversations, found by a few letters: a combobox with its list, after the ARIA Authoring Practices. The
 * focus stays in the field; the option that Enter takes is its active descendant.
 */
import { clone, make, setText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { folded, ranked } from "../lib/fuzzy.js";
import { words } from "../lib/words.js";
import { commandsOf, tell } from "./commands.js";

const MOST = 40;
const RECENT = 6;
const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 };

export class CommandPalette extends PageElement {
  #app = null;
  #entries = [];
  #shown = [];
  #active = 0;

  connected() {
    const { dialog, field, list, close } = this.parts;
    this.listen(field, "input", () => this.#show());
    this.listen(field, "keydown", (event) => this.#key(event));
    this.listen(list, "pointerdown", (event) => event.preventDefault()); // the focus stays in the field
    this.listen(list, "click", ({ target }) => this.#run(this.#shown[indexOf(target)]));
    this.listen(list, "pointermove", ({ target }) => target.closest("[role=option]") && this.#mark(indexOf(target)));
    this.listen(close, "click", () => dialog.close());
    this.listen(dialog, "click", ({ target }) => target === dialog && dialog.close());
    this.listen(dialog, "close", () => this.#forget());
  }

  /** Open it, or close it where it is open. */
  toggle(app, chat) {
    const { dialog, field } = this.parts;
    if (dialog.open) return dialog.close();
    this.#app = app;
    this.#entries = [...this.#actions(chat), ...this.#conversations(chat)];
    field.value = "";
    this.#show();
    dialog.showModal();
  }

  #actions(chat) {
    const own = commandsOf(this.#app, chat.conversation);
    return own.map((command) => ({
      ...command,
      group: "actions",
      text: folded(command.name),
      whole: folded(`${command.name} ${command.hint}`),
    }));
  }

  #conversations({ conversations }) {
    return conversations.items.map(({ conversation, title }) => ({
      name: title || words("title.none"),
      group: "conversations",
      text: folded(title ?? ""),
      run: () => tell(this.#app, "open-conversation", conversation),
    }));
  }

  #show() {
    const query = this.parts.field.value.trim();
    this.#shown = query ? this.#found(query) : this.#usual();
    const groups = Map.groupBy(this.#shown, ({ group }) => group);
    this.parts.list.replaceChildren(...[...groups].map(([name, entries]) => this.#group(name, entries)));
    this.#mark(0);
    setText(this.parts.status, words("palette.count", { count: this.#shown.length }));
  }

  #usual() {
    const recent = this.#entries.filter(({ group }) => group === "conversations").slice(0, RECENT);
    return [...this.#entries.filter(({ group }) => group === "actions"), ...recent];
  }

  /** The best come first; the last one looks for the words inside of messages. */
  #found(query) {
    const best = ranked(query, this.#entries);
    const first = best[0]?.group ?? "actions";
    const shown = best.slice(0, MOST).sort((a, b) => (b.group === first) - (a.group === first));
    const run = () => tell(this.#app, "search-wanted", query);
    return [...shown, { name: words("palette.search", { query }), group: "messages", run }];
  }

  #group(name, entries) {
    const label = words(`palette.${name}`);
    const heading = make("p", { className: "palette-group", text: label });
    heading.ariaHidden = "true";
    const box = make("div", { children: [heading, ...entries.map((entry) => this.#option(entry))] });
    box.role = "group";
    box.ariaLabel = label;
    return box;
  }

  #option({ name, hint, icon, places = new Set() }) {
    const { element, parts } = clone("palette-option");
    const marked = (text, i) => (places.has(i) ? make("mark", { text }) : text);
    parts.name.append(...[...name].map(marked));
    setText(parts.hint, hint ?? "");
    if (icon) parts.icon.append(icon.cloneNode(true));
    return element;
  }

  get #options() {
    return [...this.parts.list.querySelectorAll("[role=option]")];
  }

  #mark(index) {
    const { field } = this.parts;
    this.#active = index;
    this.#options.forEach((option, i) => {
      option.id = `palette-option-${i}`;
      option.ariaSelected = String(i === index);
    });
    const active = this.#options[index];
    active?.scrollIntoView({ block: "nearest" });
    field.setAttribute("aria-activedescendant", active?.id ?? "");
  }

  #key(event) {
    if (event.isComposing || event.keyCode === 229) return;
    const last = this.#shown.length - 1;
    const by = STEPS[event.key];
    if (event.key === "Enter") this.#run(this.#shown[this.#active]);
    else if (Math.abs(by) === 1) this.#mark((this.#active + by + last + 1) % (last + 1));
    else if (by) this.#mark(Math.min(Math.max(this.#active + by, 0), last));
    else return;
    event.preventDefault();
  }

  #run(entry) {
    if (!entry) return;
    this.parts.dialog.close();
    entry.run();
  }

  /** No title stays in the page when the palette is not looked at. */
  #forget() {
    this.#entries = this.#shown = [];
    this.parts.list.replaceChildren();
  }
}

function indexOf(target) {
  const option = target.closest("[role=option]");
  return option ? Number(option.id.replace("palette-option-", "")) : -1;
}

customElements.define("command-palette", CommandPalette);
