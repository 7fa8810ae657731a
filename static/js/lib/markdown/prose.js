/** Blocks of Markdown as nodes: sanitised, with links that open on purpose, code that can be copied, and formulas. */
import { icon, make } from "../dom.js";
import { words } from "../words.js";
import { CodeBlock } from "./code_block.js";
import { drawFormula } from "./formula.js";
import { proseFragment } from "./sanitiser.js";
import { toHtml } from "./syntax.js";

/** Return the nodes of one block. */
export function nodesOf(token) {
  if (token.type === "plain") return [make("pre", { className: "plain", text: token.raw })];
  if (token.type === "code") return [new CodeBlock(firstWord(token.lang), token.text).element];
  return [...fragmentOf([token]).childNodes];
}

/** The footnotes, each with the way back to where it is mentioned. */
export function notesElement(notes) {
  const items = notes.map(({ number, tokens }) => {
    const back = noteButton(number, words("note.back", { number }), [icon("corner-down-left")]);
    back.classList.add("note-back");
    const item = make("li", { children: [fragmentOf(tokens), back] });
    item.value = number;
    item.tabIndex = -1;
    item.dataset.note = number;
    return item;
  });
  const list = make("ol", { children: items });
  const section = make("section", { className: "footnotes", children: [list] });
  section.setAttribute("aria-label", words("note.title"));
  return section;
}

function fragmentOf(tokens) {
  const fragment = proseFragment(toHtml(tokens));
  for (const link of fragment.querySelectorAll("a")) guardLink(link);
  for (const pre of fragment.querySelectorAll("pre")) pre.replaceWith(codeBlock(pre));
  for (const table of fragment.querySelectorAll("table")) wrapTable(table);
  for (const formula of fragment.querySelectorAll(".formula")) drawFormula(formula);
  for (const mention of fragment.querySelectorAll("sup.note-reference")) mentionNote(mention);
  return fragment;
}

/** A link tells its target nothing, and shows where it leads; images are links to where they would have come from. */
function guardLink(link) {
  const address = link.getAttribute("href");
  if (link.className === "image") nameImage(link, address);
  if (address === null) return;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
  link.referrerPolicy = "no-referrer";
  link.title = address;
}

function nameImage(link, address) {
  const name = link.textContent || words("image.unnamed");
  link.replaceChildren(icon("image"), words(address ? "image.link" : "image.inside", { name, address }));
}

function codeBlock(pre) {
  const language = /(?:^|\s)language-(\S+)/.exec(pre.firstElementChild?.className ?? "")?.[1] ?? "";
  return new CodeBlock(language, pre.textContent.replace(/\n$/, "")).element;
}

function wrapTable(table) {
  const box = make("div", { className: "table-scroll" });
  Object.assign(box, { tabIndex: 0, role: "region", ariaLabel: words("table.title") });
  table.replaceWith(box);
  box.append(table);
}

function mentionNote(mention) {
  const number = mention.textContent;
  mention.replaceChildren(noteButton(number, words("note.mention", { number }), [number]));
}

function noteButton(number, label, children) {
  const button = make("button", { className: "note-link", children });
  Object.assign(button, { type: "button", ariaLabel: label });
  button.dataset.note = number;
  return button;
}

function firstWord(text) {
  return /^[^\s{]+/.exec(text ?? "")?.[0] ?? "";
}
