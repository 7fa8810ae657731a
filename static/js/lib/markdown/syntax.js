/** Markdown as it is read here: GitHub's, with formulas and footnotes. Tokens and HTML that is not yet to be trusted. */
import { Marked } from "../../../vendor/markdown.js";

const BLOCK_FORMULA = /^ {0,3}(?:\$\$([\s\S]+?)\$\$|\\\[([\s\S]+?)\\\])[ \t]*(?:\n|$)/;
const OPEN_FORMULA = /^ {0,3}(?:\$\$|\\\[)((?:(?!\n\s*\n)[\s\S])*)$/;
/** Of `$`, the rule of Pandoc: no white space inside at either end, no digit behind. So prices stay prices. */
const INLINE_FORMULA =
  /^(?:\$\$([^$]+?)\$\$|\\\[([\s\S]+?)\\\]|\\\(([\s\S]+?)\\\)|\$(?![\s$])((?:\\[\s\S]|[^\\$\n])*?[^\s\\$])\$(?!\d))/;
const NOTE =
  /^ {0,3}\[\^([^\]\s]{1,64})\]:[ \t]*([^\n]*(?:\n+(?: {2,}|\t)[^\n]*|\n(?! {0,3}(?:[[#>`~|*+-]|\d+[.)]))[^\n]+)*)(?:\n|$)/;
const NOTE_REFERENCE = /^\[\^([^\]\s]{1,64})\]/;

const marked = new Marked({ gfm: true, breaks: false, async: false });

marked.use({
  extensions: [
    {
      name: "formulaBlock",
      level: "block",
      start: (source) => /\n {0,3}(?:\$\$|\\\[)/.exec(source)?.index + 1 || undefined,
      tokenizer(source) {
        const whole = BLOCK_FORMULA.exec(source);
        if (whole) return { type: "formulaBlock", raw: whole[0], tex: (whole[1] ?? whole[2]).trim() };
        const open = this.lexer.isGrowing ? OPEN_FORMULA.exec(source) : null;
        return open ? { type: "formulaBlock", raw: open[0], tex: open[1].trim(), isOpen: true } : undefined;
      },
      renderer: ({ tex, isOpen }) => `<p class="formula ${isOpen ? "is-open" : "is-block"}">${escaped(tex)}</p>\n`,
    },
    {
      name: "formula",
      level: "inline",
      start: (source) => /\$|\\[([]/.exec(source)?.index,
      tokenizer(source) {
        const found = INLINE_FORMULA.exec(source);
        if (!found) return undefined;
        const [raw, twice, bracketed, round, once] = found;
        const isBlock = twice !== undefined || bracketed !== undefined;
        return { type: "formula", raw, tex: (twice ?? bracketed ?? round ?? once).trim(), isBlock };
      },
      renderer: ({ tex, isBlock }) => `<span class="formula${isBlock ? " is-block" : ""}">${escaped(tex)}</span>`,
    },
    {
      name: "note",
      level: "block",
      tokenizer(source) {
        const found = NOTE.exec(source);
        if (!found) return undefined;
        const content = found[2].replace(/\n(?: {1,4}|\t)/g, "\n");
        return { type: "note", raw: found[0], label: found[1], tokens: this.lexer.blockTokens(content, []) };
      },
      renderer: () => "",
    },
    {
      name: "noteReference",
      level: "inline",
      start: (source) => source.indexOf("[^"),
      tokenizer(source) {
        const found = NOTE_REFERENCE.exec(source);
        const number = found && this.lexer.notes?.number(found[1]);
        return number ? { type: "noteReference", raw: found[0], number } : undefined;
      },
      renderer: ({ number }) => `<sup class="note-reference">${number}</sup>`,
    },
  ],
  renderer: {
    html: ({ text }) => escaped(text),
    checkbox: ({ checked }) => `<span class="box">${checked ? "☑" : "☐"}</span> `,
    image: ({ text, href }) => `<a class="image" href="${escaped(href)}">${escaped(text)}</a>`,
  },
});

/**
 * Return the blocks of a text. `links` are the definitions known from before, which grow; `notes.number(label)` numbers
 * the footnotes that are defined; `isGrowing` says that the text may not be at its end.
 */
export function readBlocks(text, { links, notes, isGrowing }) {
  const lexer = new marked.Lexer(marked.defaults);
  lexer.tokens.links = links;
  Object.assign(lexer, { notes, isGrowing });
  return [...lexer.lex(text)];
}

/** Return HTML for tokens, as a model wrote it: to be sanitised before anything else. */
export function toHtml(tokens) {
  return marked.parser(tokens);
}

function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
