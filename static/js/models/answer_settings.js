/** How answers are to be made: the user's own wishes, those of the conversation in view, and what the models can do. */
import { RequestError } from "../protocol/errors.js";

const NOTHING = { model: null, system: "", effort: null, options: {} };
const NO_MODELS = { models: [], default: "", context_tokens: 0, options: {} };

export class AnswerSettings extends EventTarget {
  /** What `model.list` said last. */
  catalogue = NO_MODELS;
  templates = [];
  #session;
  #own = NOTHING;
  #here = null; // nothing was ever wished for this conversation alone
  #conversation = null;
  #isKept = true;

  constructor(session) {
    super();
    this.#session = session;
    session.addEventListener("change", () => this.#fallBack());
  }

  /** What holds for the next answer: the conversation's wishes, where it has any, before the user's own. */
  get effective() {
    const [own, here] = [this.#own, this.#here ?? this.#own];
    const { system, options } = here; // whole: one that is empty here is not filled from there
    return { model: here.model ?? own.model, effort: here.effort ?? own.effort, system, options };
  }

  /** The model that answers now, as the catalogue has it, or null. */
  get model() {
    const name = this.#session.held?.handshake.result.statement.modelName;
    return this.catalogue.models.find((model) => model.name === name) ?? null;
  }

  /** What a request says of how its answer is to be made. */
  get way() {
    const { system, effort, options } = this.effective;
    const way = { options };
    if (system) way.system = system;
    if (effort && this.model?.efforts.includes(effort)) way.effort = effort;
    return way;
  }

  /** Another conversation comes into view; `model` is the one that it was last answered by, if any. */
  enter(conversation, model = null) {
    this.#conversation = conversation;
    this.#here = null;
    this.#isKept = true;
    this.#session.model = model ?? this.#own.model;
    this.#tell();
  }

  /** A session stands: learn what the models can do, and what was kept. What cannot be had now comes with the next. */
  async load() {
    const conversation = this.#conversation;
    try {
      const [catalogue, own, here, kept] = await Promise.all([
        this.#session.ask({ type: "model.list" }),
        this.#session.ask({ type: "settings.open", conversation: null }),
        this.#session.ask({ type: "settings.open", conversation }),
        this.#session.ask({ type: "templates.open" }),
      ]);
      this.catalogue = catalogue;
      this.templates = kept.templates;
      this.#own = own.settings ?? this.#own;
      if (conversation !== this.#conversation) return;
      if (this.#isKept) this.#here = here.settings ?? this.#here;
      else await this.keep();
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
    }
    this.#tell();
    this.#useModel();
  }

  /** Change what holds for this conversation. It is kept as soon as the conversation is stored. Throws RequestError. */
  async change(changes) {
    const { system, options } = this.effective;
    this.#here = { ...(this.#here ?? { ...NOTHING, system, options }), ...changes };
    this.#isKept = false;
    this.#tell();
    await this.keep().finally(() => this.#useModel());
  }

  /** Make what is given the user's own wish for every conversation, this one too. Throws RequestError. */
  async changeOwn(changes) {
    this.#own = { ...this.#own, ...changes };
    this.#isKept = this.#isKept && this.#here === null;
    this.#here = null;
    this.#tell();
    const kept = this.#session.ask({ type: "settings.save", conversation: null, settings: this.#own });
    await kept.then(() => this.keep()).finally(() => this.#useModel());
  }

  /** Keep the conversation's wishes, where it is stored by now. */
  async keep() {
    if (this.#isKept) return;
    try {
      await this.#session.ask({ type: "settings.save", conversation: this.#conversation, settings: this.#here });
      this.#isKept = true;
    } catch (error) {
      if (!["not_found", "not_stored", "not_ready"].includes(error.code)) throw error;
    }
  }

  /** Throws RequestError. */
  async saveTemplates(templates) {
    await this.#session.ask({ type: "templates.save", templates });
    this.templates = templates;
    this.#tell();
  }

  /** Another model is another handshake, in the same conversation. */
  #useModel() {
    const wanted = this.effective.model;
    const isHere = this.catalogue.models.some(({ name }) => name === wanted);
    if (!isHere || wanted === this.model?.name) return;
    this.#session.model = wanted;
    this.#session.attest();
  }

  /** A model that was chosen once and is gone must not keep anybody out. */
  #fallBack() {
    const { state, reason, model } = this.#session;
    if (model === null || !["refused", "closed"].includes(state) || reason?.code !== "model_missing") return;
    if (this.#here) this.#here = { ...this.#here, model: null };
    this.#own = { ...this.#own, model: null };
    this.#session.model = null;
    this.#session.attest();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
