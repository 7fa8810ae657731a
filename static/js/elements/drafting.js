/** Keeps what is being written, by conversation, and brings it back: after a reload, a crash, or a send that failed. */
import { DraftStore } from "../lib/draft_store.js";
import { BrowserError } from "../lib/errors.js";
import { isOpen, tabName } from "../lib/tab.js";
import { Draft } from "../models/draft.js";
import { Drafts } from "../models/drafts.js";

const SAVE_AFTER_MS = 250;

/** Longer than what was deleted can be brought back. */
const PRUNE_AFTER_MS = 15_000;

/** Begin to keep what is written in a ChatComposer. */
export async function keepDrafts(composer, chat, signal) {
  new Drafting(composer, chat, { signal, tab: await tabName() });
}

class Drafting {
  #composer;
  #field;
  #chat;
  #parts;
  #draft = null;
  #saving = 0;
  #pruning = 0;

  constructor(composer, chat, { signal, tab }) {
    this.#composer = composer;
    this.#field = composer.querySelector("[data-ref=prompt]");
    this.#chat = chat;
    const { historyKey } = chat;
    const random = (size) => crypto.getRandomValues(new Uint8Array(size));
    const drafts = new Drafts(historyKey.user, { historyKey, store: new DraftStore(), random });
    this.#parts = { drafts, tab, isOpen, unkept: new Map(), chat, bring: (draft) => this.#bring(draft) };
    const listen = (target, type, act) => target.addEventListener(type, act, { signal });
    listen(composer, "written", () => this.#saveSoon());
    listen(chat, "conversation", () => this.#enter());
    listen(chat.uploads, "change", () => chat.conversation === this.#draft?.conversation && this.#attached());
    listen(historyKey, "change", () => this.#try(this.#draft?.restore()));
    listen(chat.conversations, "change", () => this.#listed());
    listen(document, "visibilitychange", () => this.#save());
    if (chat.conversation) this.#enter();
  }

  /** What was written stays where it was written; only into a temporary chat it goes along. */
  #enter() {
    const { conversation, uploads } = this.#chat;
    const before = this.#draft;
    const isAlong = conversation.isTemporary && before?.isFresh;
    if (isAlong) this.#try(before.forget());
    else if (before) this.#try(before.leave(this.#field.value));
    if (before && !isAlong) this.#field.value = "";
    this.#draft = new Draft(conversation, this.#parts);
    conversation.addEventListener("change", () => this.#changed(conversation));
    if (isAlong) uploads.giveBack(before.files);
    this.#try(this.#draft.restore());
    this.#composer.refresh();
  }

  #attached() {
    this.#draft.files = this.#chat.uploads.items.map(({ id: attachment, name }) => ({ attachment, name }));
    this.#saveSoon();
  }

  #changed(conversation) {
    if (conversation !== this.#draft.conversation) return;
    this.#draft.settle();
    this.#saveSoon();
  }

  #listed() {
    this.#draft?.settle();
    clearTimeout(this.#pruning);
    this.#pruning = setTimeout(() => this.#prune(), PRUNE_AFTER_MS);
  }

  /** What was deleted, here or elsewhere, leaves no draft. */
  #prune() {
    const { isComplete, items } = this.#chat.conversations;
    if (!isComplete) return;
    this.#try(this.#parts.drafts.keepOnly(new Set(items.map(({ conversation }) => conversation))));
  }

  /** Put back what was written before what is written now. */
  #bring({ text, files }) {
    if (text) this.#field.value = [text, this.#field.value].filter(Boolean).join("\n");
    this.#chat.uploads.giveBack(files);
    this.#composer.refresh();
  }

  #saveSoon() {
    this.#saving ||= setTimeout(() => this.#save(), SAVE_AFTER_MS);
  }

  #save() {
    clearTimeout(this.#saving);
    this.#saving = 0;
    this.#try(this.#draft?.save(this.#field.value));
  }

  /** A browser that keeps nothing keeps no drafts: what is written is only on the page then. */
  async #try(work) {
    try {
      await work;
    } catch (error) {
      if (!(error instanceof BrowserError)) throw error;
    }
  }
}
