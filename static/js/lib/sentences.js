/** A growing Markdown text as sentences for those who listen: each once, when it is whole. Pure. */

const SENTENCE_END = /[.!?…。！？]["'”’»）)\]]*(?=\s|$)|[。！？]|\n/g;

export class Sentences {
  #said = 0;
  #isCode = false;

  /** Return the sentences that have become whole since the last time; with `isOver`, also what is left. */
  take(text, { isOver = false } = {}) {
    const rest = text.slice(this.#said);
    let end = isOver ? rest.length : 0;
    if (!isOver) for (const { 0: mark, index } of rest.matchAll(SENTENCE_END)) end = index + mark.length;
    this.#said += end;
    return this.#plain(rest.slice(0, end));
  }

  /** Code is not read aloud while it comes: it stands on the page, to be read at leisure. */
  #plain(text) {
    const lines = text.split("\n").filter((line) => {
      const isFence = /^\s*(```|~~~)/.test(line);
      if (isFence) this.#isCode = !this.#isCode;
      return !isFence && !this.#isCode;
    });
    return lines
      .join(" ")
      .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replace(/[*_`#>|]+/g, "")
      .replace(/\s+/g, " ")
      .trim();
  }
}
