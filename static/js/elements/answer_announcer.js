/** Tells those who listen how an answer goes: by whole sentences, a few at a time, and when it has ended. */
import { setText } from "../lib/dom.js";
import { Sentences } from "../lib/sentences.js";
import { words } from "../lib/words.js";

const PAUSE_MS = 2_000;

export class AnswerAnnouncer {
  #region;
  #answer = null;
  #sentences = null;
  #timer = null;

  constructor(region, signal) {
    this.#region = region;
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /** Something was said in a conversation: follow the answer that runs in it. */
  follow(conversation) {
    const { running } = conversation;
    if (running?.isRunning && running !== this.#answer) {
      this.#answer = running;
      this.#sentences = new Sentences();
      this.#sentences.take(running.text); // what stands there already was heard, or can be read
      this.#say(words("answer.begun"));
    }
    if (this.#answer) this.#timer ??= setTimeout(() => this.#tell(), PAUSE_MS);
  }

  #tell() {
    this.#timer = null;
    const answer = this.#answer;
    const isOver = !answer.isRunning;
    const text = this.#sentences.take(answer.text, { isOver });
    if (isOver) this.#answer = null;
    const end = answer.state === "complete" ? words("answer.complete") : words("answer.broken");
    const parts = isOver ? [text, end] : [text];
    this.#say(parts.filter(Boolean).join(" "));
  }

  #say(text) {
    if (text) setText(this.#region, text);
  }
}
