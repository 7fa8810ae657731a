/** Where people write: grows, sends with Enter, stops an answer, and is locked with a reason where nothing may be sent. */
import { setText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { trustSentence } from "../lib/trust_words.js";
import { words } from "../lib/words.js";
import { trustOf } from "../models/trust.js";

/** States in which one may write already, though nothing is sent yet. */
const WAITING = { before: "checking", checking: "checking", expired: "checking", offline: "offline" };

/** States in which nothing may be written, unless the user goes on at a risk. */
const LOCKED = new Set(["failed", "unopened", "warning"]);

/** Reasons that the user takes away by opening his history, or by going on without it. */
const HISTORY = new Set(["history_key_wrong", "history_locked"]);

export class ChatComposer extends PageElement {
  #chat = null;
  #isDue = false;

  connected() {
    const { prompt, send, stop, lockRetry, lockRisk, lockOpen, lockLeave, lockDetails } = this.parts;
    this.listen(prompt, "input", () => this.#written());
    this.listen(prompt, "keydown", (event) => this.#key(event));
    this.listen(send, "click", () => this.#send());
    this.listen(stop, "click", () => this.#stop());
    this.listen(lockRetry, "click", () => this.#chat.session.attest());
    this.listen(lockRisk, "click", () => this.tell("risk-wanted"));
    this.listen(lockOpen, "click", () => this.tell("unlock-wanted"));
    this.listen(lockLeave, "click", () => this.#chat.leaveHistoryOut());
    this.listen(lockDetails, "click", () => this.tell("trust-details"));
    this.listen(this.querySelector(".writing"), "click", () => prompt.focus());
  }

  set chat(chat) {
    this.#chat = chat;
    this.listen(chat.session, "change", () => this.refresh());
    this.#show();
  }

  /** Another conversation is in view: writing can begin at once, where there are keys to write with. */
  reset() {
    this.refresh();
    if (matchMedia("(hover: hover)").matches) this.parts.prompt.focus();
  }

  /** Put a text where the cursor is. */
  insert(text) {
    const { prompt } = this.parts;
    const isFresh = prompt.selectionStart > 0 && !prompt.value.slice(0, prompt.selectionStart).endsWith("\n");
    prompt.setRangeText(isFresh ? `\n${text}` : text, prompt.selectionStart, prompt.selectionEnd, "end");
    prompt.focus();
    this.refresh();
  }

  /** Begin with a template; what was written already stays behind it. */
  replace(text) {
    const { prompt } = this.parts;
    prompt.value = prompt.value === "/" || !prompt.value ? text : `${text}\n\n${prompt.value}`;
    prompt.focus();
    prompt.setSelectionRange(text.length, text.length);
    this.refresh();
  }

  /** Put a message's text back to write on. */
  restore(text) {
    const { prompt } = this.parts;
    prompt.value = prompt.value ? `${text}\n${prompt.value}` : text;
    prompt.focus();
    this.refresh();
  }

  /** Who writes wants to send: a proof that has ended is made anew at once. */
  #written() {
    if (this.#chat.session.state === "stale") this.#chat.session.attest();
    if (this.parts.prompt.value === "/" && this.#chat.settings.templates.length > 0) this.tell("templates-wanted");
    this.refresh();
  }

  refresh() {
    if (this.#isDue) return;
    this.#isDue = true;
    requestAnimationFrame(() => {
      this.#isDue = false;
      this.#show();
      this.tell("written");
    });
  }

  #show() {
    const trust = trustOf(this.#chat.session);
    const { prompt, send, stop, lock, lockText, lockRisk, lockOpen, lockLeave, lockRetry } = this.parts;
    const isLocked = LOCKED.has(trust.state) && !trust.isRisk;
    const running = this.#chat.conversation?.running ?? null;
    const mode = isLocked ? "locked" : (WAITING[trust.state] ?? "ready");
    this.dataset.mode = mode;
    lock.hidden = !isLocked;
    if (isLocked) setText(lockText, trustSentence(trust));
    const isHistory = HISTORY.has(trust.reason?.code);
    for (const part of [lockOpen, lockLeave]) part.hidden = !isHistory;
    lockRetry.hidden = isHistory;
    lockRisk.hidden = this.#chat.session.state !== "deciding";
    prompt.readOnly = isLocked;
    prompt.setAttribute("aria-disabled", String(isLocked));
    prompt.placeholder = words(`composer.${mode}`);
    stop.hidden = !running?.isRunning;
    send.hidden = !stop.hidden;
    send.disabled = !this.#maySend();
    this.querySelector("composer-tools").draft = prompt.value.trim();
  }

  #maySend() {
    const { session, conversation } = this.#chat;
    const isReadable = conversation && ["new", "loaded"].includes(conversation.state);
    const hasText = this.parts.prompt.value.trim() !== "";
    return (
      session.held !== null && isReadable && conversation.running === null && hasText && !this.#chat.uploads.isBusy
    );
  }

  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
    if (matchMedia("(pointer: coarse) and (hover: none)").matches) return;
    event.preventDefault();
    this.#send();
  }

  #send() {
    if (!this.#maySend()) return;
    const { prompt } = this.parts;
    const text = prompt.value.toWellFormed().trim();
    prompt.value = "";
    this.#chat.conversation.send(text, this.#chat.uploads.take());
    this.tell("sent");
    this.refresh();
  }

  async #stop() {
    try {
      await this.#chat.conversation.stop();
    } catch (error) {
      this.tell("fault", error);
    }
  }
}

customElements.define("chat-composer", ChatComposer);
