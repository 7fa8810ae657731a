/** How what is said in a conversation reaches the server: sent, edited, asked again. */
import { RequestError } from "../protocol/errors.js";
import { askForAnswer, followAnswer, isLoss, recall } from "./answers.js";

export class Asking {
  #session;
  #conversation;
  #hooks;

  /** `hooks` are `way()`, how answers are to be made, `begin(reply, prompt)`, which returns the message that grows. */
  constructor(session, conversation, hooks) {
    this.#session = session;
    this.#conversation = conversation;
    this.#hooks = hooks;
  }

  /** Go on, in a new session, with what was being said and answered in the one before. */
  async recover(messages) {
    await recall(this.#session, messages, this.#conversation);
    const open = messages.filter(({ state }) => state === "running" || state === "sending");
    await Promise.all(open.map((message) => (message.isRunning ? this.follow(message) : this.deliver(message))));
  }

  /** Have a prompt answered; one that the server refuses becomes `failed`, one that was not taken up yet waits. */
  async deliver(prompt) {
    const { id: message, parent, text, edited } = prompt;
    const attachments = prompt.attachments.map(({ attachment }) => attachment);
    const place = edited ? { type: "chat.edit", edited } : { type: "chat.send", parent };
    try {
      await this.#ask({ ...place, message, text, ...(attachments.length && { attachments }) }, prompt);
    } catch (error) {
      prompt.set(isLoss(error) ? { isWaiting: true } : { state: "failed", error });
    }
  }

  /** Have a prompt answered once more. Throws RequestError. */
  again(prompt) {
    return this.#ask({ type: "chat.regenerate", message: prompt.id }, prompt);
  }

  /** Have an answer that broke off gone on with. Throws RequestError. */
  goOn(answer, prompt) {
    return this.#ask({ type: "chat.continue", reply: answer.id }, prompt);
  }

  /** Take in an answer that is being given, until it has ended. */
  async follow(reply) {
    await followAnswer(this.#session, reply, this.#conversation);
    this.#ended(reply);
  }

  async #ask(request, prompt) {
    const { id: conversation, isTemporary: temporary } = this.#conversation;
    const whole = { ...request, ...this.#hooks.way(), conversation, temporary };
    const reply = await askForAnswer(this.#session, whole, (id) => this.#hooks.begin(id, prompt));
    this.#ended(reply);
  }

  /** What the numbers in an answer mean; where that cannot be known now, it is when the conversation is read again. */
  async #learnSources(reply) {
    try {
      reply.set({ sources: (await this.#session.ask({ type: "attachment.sources", reply: reply.id })).sources });
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
    }
  }

  #ended(reply) {
    const { state } = reply;
    if (this.#conversation.path.some(({ attachments }) => attachments.length)) this.#learnSources(reply);
    const types = state === "complete" ? ["change", "answered"] : ["change"];
    for (const type of types) this.#conversation.dispatchEvent(new Event(type));
  }
}
