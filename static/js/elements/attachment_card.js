/** What is attached to a message, and the passages that an answer cites: buttons that open the place in a panel. */
import { icon, make } from "../lib/dom.js";
import { bytes, number } from "../lib/format.js";
import { words } from "../lib/words.js";

const CITED = /\[(\d{1,4})\]/g;

/** Size, pages and tokens of a document, in words. */
export function documentWords({ kind, size, unit, pages, tokens }) {
  const values = { size: bytes(size), pages: number(pages), tokens: number(tokens) };
  if (kind === "image") return words("attachment.image", values);
  return words(pages === 1 ? `attachment.one_${unit}` : `attachment.${unit}s`, values);
}

/** Show a prompt's attachments in `list`; `open(document, page)` is asked to show one. */
export function showAttachments(list, attachments, open) {
  list.hidden = attachments.length === 0;
  if (list.childElementCount === attachments.length) return;
  list.replaceChildren(
    ...attachments.map((item) => {
      const name = make("span", { className: "attachment-name", text: item.name });
      const note = make("span", { className: "attachment-note", text: documentWords(item) });
      const text = make("span", { className: "attachment-text", children: [name, note] });
      const mark = icon(item.kind === "image" ? "image" : "file-text");
      const button = make("button", { className: "attachment", children: [mark, text] });
      button.type = "button";
      button.addEventListener("click", () => open({ ...item, page: item.kind === "image" ? 0 : 1 }));
      return make("li", { children: [button] });
    }),
  );
}

/** Make buttons of the numbers in an answer that stand for passages it was given. */
export function linkCitations(box, sources, open) {
  const known = new Map(sources.map((source) => [String(source.n), source]));
  const walker = document.createTreeWalker(box, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement.closest("pre, code, a, button, math")) nodes.push(walker.currentNode);
  }
  for (const node of nodes) {
    for (const match of [...node.data.matchAll(CITED)].reverse()) {
      const source = known.get(match[1]);
      if (!source) continue;
      node.splitText(match.index + match[0].length);
      node.splitText(match.index).replaceWith(citation(source, open));
    }
  }
}

function citation(source, open) {
  const button = make("button", { className: "citation", text: `[${source.n}]` });
  button.type = "button";
  button.setAttribute("aria-label", words("attachment.citation", { n: source.n, page: source.page }));
  button.addEventListener("click", () => open(source));
  return button;
}
