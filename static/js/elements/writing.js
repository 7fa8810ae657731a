/** What people do with answers and while they write: gives the parts around the composer the models that they need. */
import { fetchPart } from "../lib/parts.js";
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
    const fetched = (load, open) => fetchPart(load).then(open).catch(fail);
    listen("passage-wanted", ({ detail }) =>
      fetched(
        () => import("./passage_panel.js"),
        () => show({ conversation: chat.conversation.id, ...detail }),
      ),
    );
    listen("export-wanted", ({ detail }) =>
      fetched(
        () => import("./export_dialog.js"),
        () => this.#find("export-dialog").open(chat, detail),
      ),
    );
    listen("regenerate", ({ detail }) => chat.conversation.regenerate(detail).catch(fail));
    listen("continue", ({ detail }) => chat.conversation.goOn(detail).catch(fail));
    listen("withdrawn", ({ detail: { text, attachments } }) => {
      this.#composer.restore(text);
      chat.uploads.giveBack(attachments);
    });
    fetched(
      () => import("./drafting.js"),
      ({ keepDrafts }) => keepDrafts(this.#composer, chat, signal),
    );
    listen("quote", ({ detail }) => this.#composer.insert(quoted(detail)));
    listen("template", ({ detail }) => this.#composer.replace(detail));
    const open = (name) => () => this.#find(name).open(chat.settings);
    listen("templates-wanted", () => fetched(() => import("./template_dialog.js"), open("template-dialog")));
    const openModels = () => fetched(() => import("./model_dialog.js"), open("model-dialog"));
    model.addEventListener("click", openModels, { signal });
  }

  get #composer() {
    return this.#find("chat-composer");
  }

  #find(name) {
    return this.#app.querySelector(name);
  }
}
