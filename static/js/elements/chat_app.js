/** The page as a whole: gives models to the elements below, and carries out what they tell. */
import { setText } from "../lib/dom.js";
import { PageElement } from "../lib/element.js";
import { badgeWord } from "../lib/trust_words.js";
import { reasonWords, words } from "../lib/words.js";
import { trustOf } from "../models/trust.js";
import "./app_notices.js";
import "./chat_composer.js";
import { ConversationActions } from "./conversation_actions.js";
import "./conversation_list.js";
import "./conversation_search.js";
import { openDoors } from "./doors.js";
import { Drawer } from "./drawer.js";
import { MessageJump } from "./message_jump.js";
import "./message_list.js";
import { askRisk } from "./risk_dialog.js";
import { ScrollFollower } from "./scroll_follower.js";
import { Toasts } from "./toasts.js";
import "./trust_badge.js";
import { Writing } from "./writing.js";

export class ChatApp extends PageElement {
  #chat = null;
  #follower = null;
  #drawer = null;
  #actions = null;
  #toasts = null;
  #jump = null;
  #said = "";

  /** `{chat, pins, sightings, folds, simulated, canStore}`: models and what this installation is. */
  start({ chat, pins, sightings, folds, simulated, canStore }) {
    this.#chat = chat;
    const { newChat, newShort, newTemporary, newFolder, more, scroller, toEnd } = this.parts;
    this.#toasts = new Toasts(this.parts.toasts);
    this.#drawer = new Drawer(this.parts, this.signal);
    this.#follower = new ScrollFollower(scroller, toEnd, this.signal);
    const fail = (error) => this.#toasts.sayFault(error);
    const list = this.#find("conversation-list");
    this.#actions = new ConversationActions(chat, this.parts, {
      signal: this.signal,
      fail,
      app: this,
      toasts: this.#toasts,
      rename: (id) => list.rename(id),
    });
    this.toggleAttribute("data-simulated-thinking", simulated.includes("thinking"));
    this.#find("app-notices").attach({ chat, pins, sightings, simulated, canStore });
    const known = { session: chat.session, settings: chat.settings, pins, sightings };
    this.#find("trust-badge").attach(known);
    openDoors(this, chat, { known, toasts: this.#toasts, signal: this.signal });
    this.#find("chat-composer").chat = chat;
    list.attach({ conversations: chat.conversations, folds });
    this.#find("conversation-search").attach(chat);
    this.#jump = new MessageJump(chat);
    for (const button of [newChat, newShort]) this.listen(button, "click", () => this.#go(() => this.#chat.startNew()));
    this.listen(newTemporary, "click", () => this.#go(() => this.#chat.startNew({ isTemporary: true })));
    this.listen(newFolder, "click", () => this.#actions.makeFolder());
    this.listen(more, "click", () => this.#actions.open(chat.conversation.id, more));
    this.#listenBelow(fail);
    this.#listenModels();
  }

  #listenBelow(fail) {
    this.listen(this, "risk-wanted", () => askRisk(this.#chat.session));
    this.listen(this, "open-conversation", ({ detail }) => this.#go(() => this.#chat.open(detail)));
    this.listen(this, "open-message", ({ detail }) => this.#jump.want(detail));
    this.listen(this, "messages-changed", () => this.#messagesChanged());
    new Writing(this, this.#chat, { parts: this.parts, signal: this.signal, fail });
    this.listen(this, "sent", () => this.#follower.toEnd());
    this.listen(this, "fault", ({ detail }) => fail(detail));
    this.listen(this, "toast", ({ detail }) => this.#toasts.say(detail));
  }

  #listenModels() {
    const { session, conversations } = this.#chat;
    this.listen(this.#chat, "conversation", () => this.#entered());
    this.listen(conversations, "change", () => this.#showHeader());
    this.listen(session, "change", () => this.#showState());
  }

  #go(move) {
    move();
    this.#drawer.close();
  }

  #entered() {
    const { conversation } = this.#chat;
    this.#find("message-list").conversation = conversation;
    this.#find("conversation-list").current = conversation.id;
    this.#find("chat-composer").reset();
    this.#follower.toEnd();
    this.#showState();
  }

  #messagesChanged() {
    this.#jump.look();
    this.#follower.follow();
    this.#showState();
    this.#find("chat-composer").refresh();
  }

  #showState() {
    const { conversation } = this.#chat;
    const { room, greetingTitle, greetingText } = this.parts;
    const trust = trustOf(this.#chat.session);
    const key = conversation?.isTemporary && trust.state === "verified" ? "temporary" : greetingOf(trust);
    const isSimulated = key === "verified" && trust.simulated;
    room.toggleAttribute("data-empty", Boolean(conversation?.isEmpty && conversation.state === "new"));
    setText(greetingTitle, words(`greeting.${key}`));
    setText(greetingText, trust.isRisk ? "" : words(isSimulated ? "greeting.simulated.text" : `greeting.${key}.text`));
    this.#showHeader();
    this.#announce(trust);
  }

  #showHeader() {
    const { conversation, conversations, session } = this.#chat;
    const stored = conversation && conversations.find(conversation.id);
    setText(this.parts.title, stored?.title || conversation?.title || words("chat.new"));
    setText(this.parts.modelName, session.held?.handshake.result.statement.modelName ?? "");
    this.parts.temporary.hidden = !conversation?.isTemporary;
    this.parts.more.hidden = !stored;
  }

  /** Tell those who do not see the badge when it changes, in words. */
  #announce(trust) {
    const reason = trust.reason && trust.state === "failed" ? ` ${reasonWords(trust.reason)}` : "";
    const said = `${badgeWord(trust)}.${reason}`;
    if (said !== this.#said) setText(this.parts.announcer, said);
    this.#said = said;
  }

  #find(name) {
    return this.querySelector(name);
  }
}

/** Which greeting fits a state of trust. */
function greetingOf({ state, isRisk, reason }) {
  if (isRisk) return "verified";
  if (state === "before" || state === "expired") return "checking";
  return { history_key_wrong: "history", history_locked: "locked" }[reason?.code] ?? state;
}

customElements.define("chat-app", ChatApp);
