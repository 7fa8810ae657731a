/** The lines above the room: what is simulated here, and what is out of order. */
import { setText, showText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { list } from "../lib/format.js";
import { newsWords } from "../lib/change_words.js";
import { faultWords, words } from "../lib/words.js";

export class AppNotices extends PageElement {
  #chat = null;
  #pins = [];
  #sightings = null;
  #action = () => {};

  connected() {
    this.listen(this.parts.noticeAction, "click", () => this.#action());
  }

  /** `pins` and `sightings` know what was seen before. `simulated` names the parts of this installation that are; `canStore` says whether the browser keeps data. */
  attach({ chat, pins, sightings, simulated, canStore }) {
    this.#chat = chat;
    this.#pins = pins;
    this.#sightings = sightings;
    this.canStore = canStore;
    const parts = ["tdx", "thinking"].filter((part) => simulated.includes(part));
    const strip = words("simulated.strip", { parts: list(parts.map((part) => words(`simulated.${part}`))) });
    this.parts.simulated.hidden = simulated.length === 0;
    setText(this.parts.simulatedText, parts.length ? strip : "");
    setText(this.parts.modelText, simulated.includes("model") ? words("simulated.model") : "");
    for (const model of [chat.session, sightings, chat.historyKey, chat.conversations])
      this.listen(model, "change", () => this.#show());
    this.#show();
  }

  #show() {
    const notice = this.#notice();
    const { notice: box, noticeText, noticeAction } = this.parts;
    box.hidden = notice === null;
    if (notice === null) return;
    setText(noticeText, notice.text);
    showText(noticeAction, notice.label);
    this.#action = notice.act ?? (() => {});
  }

  /** The one thing that matters most now: `{text, label?, act?}`, or null. */
  #notice() {
    const { session, historyKey } = this.#chat;
    const code = session.reason?.code;
    const say = (label, act) => ({ text: faultWords(code), label: label && words(label), act });
    if (code === "login_required") return say("notice.login", () => location.assign("/accounts/login/"));
    if (code === "wrong_account") return say("notice.reload", () => location.reload());
    if (session.state === "closed" && code) return say("notice.retry", () => session.wake());
    if (this.#pins.some(({ hasChanged }) => hasChanged)) return this.#changedKey();
    if (!this.canStore) return { text: words("notice.no_storage") };
    return historyKey.isLeftOut ? { text: words("notice.history_left") } : (this.#news() ?? this.#unkeptCode());
  }

  #changedKey() {
    return { text: words("notice.key"), label: words("notice.read"), act: () => this.tell("trust-details") };
  }

  /** There is something to lose, and the one way to get it back is not kept yet. */
  #unkeptCode() {
    const { session, historyKey, conversations } = this.#chat;
    if (!session.held?.isStored || historyKey.isCodeKept || conversations.items.length === 0) return null;
    return { text: words("notice.code"), label: words("notice.code.read"), act: () => this.tell("key-wanted") };
  }

  /** What a session proved that is other than this browser saw before. */
  #news() {
    const news = this.#sightings.last?.news;
    if (!news) return null;
    return { text: newsWords(news), label: words("notice.noted"), act: () => this.#sightings.note() };
  }
}

customElements.define("app-notices", AppNotices);
