/** What is being written in one conversation: the text, files beside it, and prompts that no server has taken yet. */
import { Drafts } from "./drafts.js";

const NOT_TAKEN = new Set(["sending", "failed"]);

export class Draft {
  conversation;
  /** `{attachment, name}` of the files beside the text. */
  files = [];
  #parts;
  #place = null;
  #kept = "";
  #isRead = false;
  #isOver = false;
  /** Prompts that were under way when the page ended, until it is known whether they came. */
  #waiting = [];

  /** `parts` are `{drafts, tab, isOpen, unkept, chat, bring(draft)}`; `unkept` is a Map of what the browser cannot keep. */
  constructor(conversation, parts) {
    this.conversation = conversation;
    this.#parts = parts;
  }

  /** Whether nothing has been said yet in a conversation that is about to be. */
  get isFresh() {
    return this.conversation.state === "new" && this.conversation.isEmpty;
  }

  /** Bring back what was written here; tried again when the history key opens. */
  async restore() {
    if (this.#isRead || this.conversation.isTemporary) return;
    const { drafts, isOpen, unkept, bring } = this.#parts;
    const place = this.#placeNow;
    const here = unkept.get(place);
    if (unkept.delete(place)) bring(here);
    let stored = await drafts.read(place);
    if (stored === null && Drafts.isNew(place)) stored = await drafts.adopt(place, isOpen);
    if (stored === undefined || this.#isRead || this.#isOver) return;
    this.#isRead = true;
    if (!stored) return;
    this.#waiting = stored.unsent;
    bring(stored);
    this.settle();
  }

  /** Keep it as it is now: where nothing is left, forget it. */
  async save(text) {
    if (this.conversation.isTemporary) return;
    const { drafts, unkept } = this.#parts;
    const [before, place, draft] = [this.#place, this.#placeNow, this.#now(text)];
    const said = JSON.stringify(draft);
    if (!this.#isRead || (said === this.#kept && place === before)) return;
    [this.#place, this.#kept] = [place, said];
    if (before !== null && before !== place) await drafts.write(before, null);
    if (await drafts.write(place, draft)) unkept.delete(place);
    else unkept.set(place, draft);
  }

  /** Another conversation comes into view. */
  async leave(text) {
    const draft = this.#now(text);
    if (!this.#isRead && draft && !this.conversation.isTemporary) this.#parts.unkept.set(this.#placeNow, draft);
    const saved = this.save(text);
    this.#isOver = true;
    await saved;
  }

  /** It goes where nothing is kept. */
  async forget() {
    this.#isOver = true;
    await this.#parts.drafts.write(this.#placeNow, null);
  }

  /** Prompts that came after all need nothing; the others are brought back, once that is known. */
  settle() {
    if (this.#waiting.length === 0 || !this.#isKnown) return;
    const { conversations } = this.#parts.chat;
    const isTaken = ({ message, conversation }) =>
      this.isFresh ? conversations.find(conversation) !== null : this.conversation.tree.get(message) !== undefined;
    const lost = this.#waiting.filter((prompt) => !isTaken(prompt));
    this.#waiting = [];
    for (const prompt of lost.reverse()) this.#parts.bring(prompt);
  }

  get #isKnown() {
    return this.isFresh ? this.#parts.chat.conversations.state === "loaded" : this.conversation.state === "loaded";
  }

  get #placeNow() {
    return Drafts.placeOf(this.conversation, this.#parts.tab);
  }

  #now(text) {
    const { id: conversation, tree } = this.conversation;
    const untaken = tree.all.filter(({ role, state }) => role === "user" && NOT_TAKEN.has(state));
    const untold = untaken.map(({ id: message, text: said, attachments }) => {
      return {
        message,
        text: said,
        files: attachments.map(({ attachment, name }) => ({ attachment, name })),
        conversation,
      };
    });
    const unsent = [...this.#waiting, ...untold];
    return text.trim() || this.files.length || unsent.length ? { text, files: this.files, unsent } : null;
  }
}
