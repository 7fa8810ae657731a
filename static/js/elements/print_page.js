/** A conversation as a page to print, in place of the chat until it is closed. Nothing of it leaves the browser. */
import { clone, make } from "../lib/dom.js";
import { dateTime } from "../lib/format.js";
import { drawWhole } from "../lib/markdown.js";
import { words } from "../lib/words.js";
import { branch } from "../models/transfer/export.js";

/** Show the branch in view of a conversation as exports have it; `names` are those of exports. */
export function showPrintPage(conversation, names) {
  const { element, parts } = clone("print-page");
  const { title, shown, messages } = conversation;
  parts.title.textContent = title || names.untitled;
  const models = [...new Set(messages.map(({ model }) => model).filter(Boolean))].join(", ");
  parts.facts.textContent = words("print.facts", { when: dateTime(new Date()), models });
  parts.messages.append(...branch(messages, shown).map((message) => messageOf(message, names)));
  const close = () => {
    element.remove();
    document.body.classList.remove("is-print");
    back?.focus();
  };
  const back = document.activeElement;
  parts.print.addEventListener("click", () => window.print());
  parts.close.addEventListener("click", close);
  element.addEventListener("keydown", ({ key }) => key === "Escape" && close());
  window.addEventListener("popstate", close, { once: true });
  document.body.append(element);
  document.body.classList.add("is-print");
  parts.print.focus();
}

function messageOf({ role, text, attachments = [] }, names) {
  const said = make("div", { className: role === "user" ? "print-prompt" : "prose" });
  if (role === "user") said.textContent = text.trim();
  else drawWhole(said, text);
  said.translate = false;
  const children = [make("h2", { text: names[role] }), said];
  if (attachments.length) {
    const files = names.files(attachments.map(({ name }) => name));
    children.push(make("p", { className: "print-files", text: files }));
  }
  return make("section", { className: "print-message", children });
}
