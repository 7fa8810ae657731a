/** What people do with answers and while they write: gives the parts around the composer the models that they need. */
import { quoted } from "../lib/selection.js";
import { AnswerAnnouncer } from "./answer_announcer.js";
import "./attachment_tray.js";
import "./composer_tools.js";

export class Writing {
  #app;

  /** `fail(error)` tells people what could not be done. */
  constructor(app, chat, { parts: { writingAnnouncer, model }, signal, fail }) {
    this.#app = app;
    const announcing = new AnswerAnnouncer(writingAnnouncer, signal);
    this.#find("composer-tools").attach(chat);
    const listen = (type, handler) => app.addEventListener(type, handler, { signal });
    listen("messages-changed", () => announcing.follow(chat.conversation));
    const [field, button] = ["prompt", "attach"].map((name) => this.#composer.querySelector(`[data-ref=${name}]`));
    this.#find("attachment-tray").attach(chat.uploads, { room: app.parts.room, field, button });
    listen("attachments-changed", () => this.#composer.refresh());
    const show = (place) => this.#find("passage-panel").open(chat.session, place);
    listen("passage-wanted", ({ detail }) =>
      import("./passage_panel.js").then(() => show({ conversation: chat.conversation.id, ...detail })).catch(fail),
    );
    listen("regenerate", ({ detail }) => chat.conversation.regenerate(detail).catch(fail));
    listen("continue", ({ detail }) => chat.conversation.goOn(detail).catch(fail));
    listen("quote", ({ detail }) => this.#composer.insert(quoted(detail)));
    listen("template", ({ detail }) => this.#composer.replace(detail));
    const open = (dialog) => dialog.open(chat.settings);
    listen("templates-wanted", () => import("./template_dialog.js").then(() => open(this.#find("template-dialog"))));
    const openModels = () => import("./model_dialog.js").then(() => open(this.#find("model-dialog")));
    model.addEventListener("click", openModels, { signal });
  }

  get #composer() {
    return this.#find("chat-composer");
  }

  #find(name) {
    return this.#app.querySelector(name);
  }
}
