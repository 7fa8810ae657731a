/** A growing answer on the page, from Markdown: what has not changed keeps its nodes, and each frame stays short. */
import { BlockReader } from "./markdown/blocks.js";
import { morphNode } from "./markdown/morph.js";
import { nodesOf, notesElement } from "./markdown/prose.js";

/** So many characters are read at once; a longer text comes in several tasks. */
const STEP_CHARACTERS = 12_000;

/** After drawing, rest so many times as long as it took: a reader's scrolling and typing come first. */
const REST_FACTOR = 3;

/** Draw a text that has ended, all at once. */
export function drawWhole(root, text) {
  const reader = new BlockReader();
  root.append(...reader.read(text, { isGrowing: false }).flatMap(({ token }) => nodesOf(token)));
  if (reader.notes.length > 0) root.append(notesElement(reader.notes));
}

export class MarkdownView {
  #root;
  #reader = new BlockReader();
  #drawn = [];
  #notes = null;
  #noteKey = "";
  #text = "";
  #isGrowing = false;
  #read = 0;
  #restUntil = 0;
  #timer = null;

  constructor(root) {
    this.#root = root;
    root.addEventListener("click", (event) => this.#follow(event.target.closest(".note-link")));
  }

  show(text, { isGrowing = false } = {}) {
    if (text === this.#text && isGrowing === this.#isGrowing) return;
    if (!text.startsWith(this.#text)) this.#read = 0;
    this.#text = text;
    this.#isGrowing = isGrowing;
    if (performance.now() >= this.#restUntil) this.#draw();
    else this.#later();
  }

  #later() {
    this.#timer ??= setTimeout(() => this.#draw(), Math.max(0, this.#restUntil - performance.now()));
  }

  #draw() {
    clearTimeout(this.#timer);
    this.#timer = null;
    const started = performance.now();
    this.#read = Math.min(this.#text.length, this.#read + STEP_CHARACTERS);
    const isWhole = this.#read === this.#text.length;
    const blocks = this.#reader.read(isWhole ? this.#text : this.#text.slice(0, this.#read), {
      isGrowing: this.#isGrowing || !isWhole,
    });
    this.#drawBlocks(blocks);
    this.#drawNotes();
    const now = performance.now();
    this.#restUntil = isWhole ? now + REST_FACTOR * (now - started) : now;
    if (!isWhole) this.#later();
  }

  #drawBlocks(blocks) {
    let same = 0;
    while (same < blocks.length && this.#drawn[same]?.key === blocks[same].key) same++;
    for (const { nodes } of this.#drawn.splice(blocks.length)) for (const node of nodes) node.remove();
    for (let i = same; i < blocks.length; i++) {
      const { key, token } = blocks[i];
      if (this.#drawn[i]?.key === key) continue;
      const nodes = nodesOf(token);
      this.#drawn[i] = { key, nodes: this.#place(this.#drawn[i]?.nodes ?? [], nodes, i) };
    }
  }

  /** Put nodes where a block's old ones stand, which are kept where they can become the new ones. */
  #place(old, nodes, index) {
    const placed = nodes.map((node, i) => {
      if (old[i] && morphNode(old[i], node)) return old[i];
      if (old[i]) old[i].replaceWith(node);
      else this.#root.insertBefore(node, this.#anchor(index));
      return node;
    });
    for (const node of old.slice(nodes.length)) node.remove();
    return placed;
  }

  /** The node that stands behind a block. */
  #anchor(index) {
    const next = this.#drawn.slice(index + 1).find((block) => block?.nodes.length);
    return next?.nodes[0] ?? this.#notes;
  }

  #drawNotes() {
    const { notes } = this.#reader;
    const key = notes.map(({ number, raw }) => `${number}${raw}`).join("\0");
    if (key === this.#noteKey) return;
    this.#noteKey = key;
    const fresh = notesElement(notes);
    if (!this.#notes) this.#root.append((this.#notes = fresh));
    else morphNode(this.#notes, fresh);
  }

  /** From a mention to its note, and back; inside this answer only. */
  #follow(link) {
    if (!link) return;
    const { note } = link.dataset;
    const isBack = link.classList.contains("note-back");
    const target = isBack ? `sup [data-note="${note}"]` : `li[data-note="${note}"]`;
    this.#root.querySelector(target)?.focus();
  }
}
