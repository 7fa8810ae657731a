/** What the model said: its thinking folded, the answer as Markdown, how it ended, and its other versions. */
import { growText, setText, showText } from "../lib/dom.js";
import { duration, number } from "../lib/format.js";
import { MarkdownView } from "../lib/markdown.js";
import { faultWords, words } from "../lib/words.js";
import { linkCitations } from "./attachment_card.js";
import { Versions } from "./versions.js";

const NOTED = new Set(["cancelled", "truncated", "length", "lost"]);

export class AnswerView {
  #item;
  #parts;
  #message;
  #conversation;
  #markdown;
  #thoughts = document.createTextNode("");
  #versions;
  #isOpen = null;

  constructor({ item, parts, message, conversation }) {
    this.#item = item;
    this.#parts = parts;
    this.#message = message;
    this.#conversation = conversation;
    this.#markdown = new MarkdownView(parts.text);
    parts.thinkingText.append(this.#thoughts);
    parts.toggle.addEventListener("click", () => this.#toggle());
    parts.again.addEventListener("click", () => item.tell("regenerate", message));
    parts.goOn.addEventListener("click", () => item.tell("continue", message));
    parts.copyPlain.addEventListener("click", () => item.copy(parts.text.innerText));
    this.#versions = new Versions({ item, parts, message, conversation });
  }

  show() {
    const { text, isRunning, error, reason, sources } = this.#message;
    const { waiting, note, tools, copy, copyPlain, quote, again, goOn } = this.#parts;
    const isFree = this.#conversation.running === null;
    this.#showThinking();
    this.#markdown.show(text, { isGrowing: isRunning });
    const open = (source) => this.#item.tell("passage-wanted", source);
    if (!isRunning && sources.length) linkCitations(this.#parts.text, sources, open);
    waiting.hidden = !isRunning || text !== "" || this.#message.thinking !== "";
    tools.hidden = isRunning;
    copy.hidden = copyPlain.hidden = quote.hidden = text === "";
    again.hidden = !isFree;
    goOn.hidden = !isFree || !this.#message.isContinuable;
    this.#item.classList.toggle("is-failed", reason === "error");
    note.classList.toggle("is-error", reason === "error");
    showText(note, endWords(this.#message, error));
    this.#versions.show();
    setText(this.#parts.usage, usageWords(this.#message));
  }

  /** Open while the model thinks, folded when it begins to answer, and as the reader wants once he has touched it. */
  #showThinking() {
    const { thinking, isThinking, thinkingMs } = this.#message;
    const { thinking: box, toggle, toggleText, thinkingText, simulated } = this.#parts;
    const isOpen = this.#isOpen ?? isThinking;
    box.hidden = thinking === "";
    box.classList.toggle("is-live", isThinking);
    toggle.setAttribute("aria-expanded", String(isOpen));
    thinkingText.hidden = !isOpen;
    if (isOpen) growText(this.#thoughts, thinking.trimStart());
    const done =
      thinkingMs === null ? words("thinking.stored") : words("thinking.done", { duration: duration(thinkingMs) });
    const soFar = words("thinking.live", { duration: duration(this.#message.thinkingSoFarMs) });
    setText(toggleText, isThinking ? soFar : done);
    simulated.hidden = !this.#item.closest("[data-simulated-thinking]");
  }

  #toggle() {
    this.#isOpen = !(this.#isOpen ?? this.#message.isThinking);
    this.show();
  }
}

function endWords({ state, reason, isRunning }, error) {
  if (isRunning) return "";
  if (reason === "error") return faultWords(error?.code ?? "model_failed");
  if (NOTED.has(reason)) return words(`answer.${reason}`);
  return state === "incomplete" ? words("answer.truncated") : "";
}

/** Tokens of the answer and their speed: as the model measured it, else over the whole time that it took. */
function usageWords({ usage, isRunning }) {
  const { completion_tokens: count, eval_ms: evalMs, total_ms: totalMs } = usage;
  if (isRunning || !count) return "";
  const [tokens, ms] = [number(count), evalMs || totalMs];
  return ms
    ? words("usage.speed", { tokens, speed: number(Math.round((1000 * count) / ms)) })
    : words("usage.tokens", { tokens });
}
