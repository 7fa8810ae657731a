/** A growing text as blocks: what has ended is never read again. Knows no page. */
import { readBlocks } from "./syntax.js";

/** Characters of indentation, quoting and bullets that may begin a line. */
const MAX_NESTING = 200;

/** Blocks at the end that may still become something else with the next characters. */
const OPEN_BLOCKS = 2;

/** A list or a paragraph longer than this is closed in its midst: reading it again and again would take too long. */
const MAX_OPEN_CHARACTERS = 4_000;

const DEFINITION = /^ {0,3}\[(\^?[^\]\s][^\]]{0,98})\]:/gm;

export class BlockReader {
  #text = "";
  #end = 0;
  #closed = [];
  #links = {};
  #labels = new Set();
  #numbers = new Map();
  #round = 0;

  /** The text of each footnote: `[{number, tokens, raw}]`, in their order. */
  notes = [];

  /**
   * Return the blocks `[{key, type, token}]` of a text, and read no more of it than is new where it only grew. Blocks
   * with equal keys look the same.
   */
  read(text, { isGrowing = false } = {}) {
    if (text.includes("\r")) text = text.replaceAll(/\r\n?/g, "\n");
    if (!text.startsWith(this.#text) || this.#defines(text.slice(this.#end))) this.#restart(text);
    this.#text = text;
    const tail = text.slice(this.#end);
    const open = tail && this.#blocks(tail, isGrowing);
    if (!open) return this.#closed;
    this.#close(open, tail);
    return [...this.#closed, ...open].filter(({ type }) => type !== "space" && type !== "def" && type !== "note");
  }

  #blocks(tail, isGrowing) {
    const deepest = tail.split("\n").reduce((most, line) => Math.max(most, /^[\s>*+\-\d.)]*/.exec(line)[0].length), 0);
    if (deepest > MAX_NESTING) return [this.#block({ type: "plain", raw: tail })];
    const notes = { number: (label) => this.#number(label) };
    const read = (text) => readBlocks(text, { links: this.#links, notes, isGrowing });
    const tokens = read(tail).flatMap((token) => {
      if (token.raw.length <= MAX_OPEN_CHARACTERS) return [token];
      if (token.type === "list") return cutList(token);
      return token.type === "paragraph" ? cutText(token.raw).flatMap(read) : [token];
    });
    this.#takeNotes(tokens);
    return tokens.map((token) => this.#block(token));
  }

  #block(token) {
    const depends = token.raw.includes("[") ? `\0${this.#round}` : "";
    return { key: `${token.type}\0${token.raw}${depends}`, type: token.type, token };
  }

  /** Move what cannot change any more to the closed blocks. */
  #close(open, tail) {
    if (open.reduce((sum, { token }) => sum + token.raw.length, 0) !== tail.length) return;
    let count = open.length;
    for (let left = OPEN_BLOCKS; count > 0 && left > 0; count--) if (open[count - 1].type !== "space") left--;
    for (const block of open.splice(0, count)) {
      this.#end += block.token.raw.length;
      this.#closed.push(block);
    }
  }

  /** Say whether a text defines links or footnotes that were not known: what came before may mean something else. */
  #defines(tail) {
    const found = [...tail.matchAll(DEFINITION)].map(([, label]) => label);
    const isNew = found.some((label) => !this.#labels.has(label));
    for (const label of found) this.#labels.add(label);
    return isNew && this.#end > 0;
  }

  #restart(text) {
    for (const [, label] of text.matchAll(DEFINITION)) this.#labels.add(label);
    Object.assign(this, { notes: [] });
    this.#end = 0;
    this.#closed = [];
    this.#links = {};
    this.#numbers.clear();
    this.#round++;
  }

  #number(label) {
    if (!this.#labels.has(`^${label}`)) return null;
    if (!this.#numbers.has(label)) this.#numbers.set(label, this.#numbers.size + 1);
    return this.#numbers.get(label);
  }

  #takeNotes(tokens) {
    for (const { type, label, raw, tokens: content } of tokens) {
      if (type !== "note") continue;
      const note = { number: this.#number(label), raw, tokens: content };
      this.notes = [...this.notes.filter(({ number }) => number !== note.number), note];
    }
    this.notes.sort((one, other) => one.number - other.number);
  }
}

/** The parts of a list that has grown too long: each a list of its own, numbered on. */
function cutList(list) {
  const groups = [[]];
  let size = 0;
  for (const item of list.items) {
    if (size > MAX_OPEN_CHARACTERS / 2) [size] = [0, groups.push([])];
    size += item.raw.length;
    groups.at(-1).push(item);
  }
  let [start, at] = [list.start, 0];
  return groups.map((items, index) => {
    const isLast = index === groups.length - 1;
    const length = items.reduce((sum, { raw }) => sum + raw.length, 0);
    const part = { ...list, items, start, raw: list.raw.slice(at, isLast ? undefined : at + length) };
    at += length;
    if (list.ordered) start += items.length;
    return part;
  });
}

/** The texts of a paragraph that has grown too long, cut at a line or at a space. */
function cutText(text) {
  const parts = [];
  while (text.length > MAX_OPEN_CHARACTERS) {
    const [line, space] = ["\n", " "].map((sign) => text.lastIndexOf(sign, MAX_OPEN_CHARACTERS) + 1);
    const end = line || space || MAX_OPEN_CHARACTERS;
    parts.push(text.slice(0, end));
    text = text.slice(end);
  }
  return [...parts, text];
}
