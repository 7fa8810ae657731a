/**
 * The only place where model output becomes nodes: Markdown → sanitised fragment. Raw HTML in it is shown as text,
 * images are named and never loaded, links open on purpose and tell their target nothing.
 */
import { DOMPurify, Marked } from "../../vendor/markdown.js";
import { clone, make } from "./dom.js";
import { words } from "./words.js";

const TAGS =
  "a p br hr h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code em strong del table thead tbody tr th td span".split(" ");
const SAFE = {
  ALLOWED_TAGS: TAGS,
  ALLOWED_ATTR: ["href", "class", "start", "align"],
  ADD_URI_SAFE_ATTR: ["start", "align"],
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
};

/** Characters of indentation, quoting and bullets that may begin a line. */
const MAX_NESTING = 200;

const marked = new Marked({ gfm: true, breaks: false, async: false });
marked.use({
  renderer: {
    html: ({ text }) => escaped(text),
    checkbox: ({ checked }) => `<span class="box">${checked ? "☑" : "☐"}</span> `,
    image: ({ text, href }) => `<span class="image">${escaped(text || href)}</span>`,
  },
});

/** A growing answer in an element: blocks that have not changed keep their nodes, so nothing flickers. */
export class MarkdownView {
  #root;
  #blocks = [];

  constructor(root) {
    this.#root = root;
  }

  show(text) {
    const tokens = tokensOf(text);
    const same = this.#blocks.findIndex(({ raw }, i) => raw !== tokens[i]?.raw);
    const kept = same === -1 ? this.#blocks.length : same;
    for (const { nodes } of this.#blocks.splice(kept)) for (const node of nodes) node.remove();
    for (const token of tokens.slice(kept)) {
      const nodes = [...fragmentOf(token, tokens.links).childNodes];
      this.#root.append(...nodes);
      this.#blocks.push({ raw: token.raw, nodes });
    }
  }
}

/** What is nested too deeply for the library is shown as the text that it is. */
function tokensOf(text) {
  const deepest = Math.max(0, ...text.split("\n").map((line) => /^[\s>*+\-\d.)]*/.exec(line)[0].length));
  if (deepest > MAX_NESTING) return Object.assign([{ type: "plain", raw: text }], { links: {} });
  const tokens = marked.lexer(text);
  return Object.assign(
    tokens.filter(({ type }) => type !== "space"),
    { links: tokens.links },
  );
}

function fragmentOf(token, links) {
  if (token.type === "plain") return plainFragment(token.raw);
  const html = marked.parser(Object.assign([token], { links }));
  const fragment = DOMPurify.sanitize(html, SAFE);
  for (const link of fragment.querySelectorAll("a")) guardLink(link);
  for (const pre of fragment.querySelectorAll("pre")) pre.replaceWith(codeBlock(pre));
  for (const table of fragment.querySelectorAll("table")) wrapTable(table);
  return fragment;
}

function plainFragment(text) {
  const fragment = document.createDocumentFragment();
  fragment.append(make("pre", { className: "plain", text }));
  return fragment;
}

function guardLink(link) {
  if (!link.hasAttribute("href")) return;
  link.target = "_blank";
  link.rel = "noopener noreferrer nofollow";
  link.referrerPolicy = "no-referrer";
  link.title = link.getAttribute("href");
}

/** A code block names its language and can be copied; `data-copy` marks the button for the message around it. */
function codeBlock(pre) {
  const { element, parts } = clone("code-block");
  const language = /(?:^|\s)language-(\S+)/.exec(pre.firstElementChild?.className ?? "")?.[1];
  parts.language.textContent = language ?? words("code.text");
  parts.copy.dataset.copy = "code";
  pre.tabIndex = 0;
  element.append(pre.cloneNode(true));
  return element;
}

function wrapTable(table) {
  const box = make("div", { className: "table-scroll" });
  table.replaceWith(box);
  box.append(table);
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
