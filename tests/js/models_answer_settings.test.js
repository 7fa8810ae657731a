import assert from "node:assert/strict";
import { test } from "node:test";
import { AnswerSettings } from "../../static/js/models/answer_settings.js";

const model = (name, efforts = []) => ({ name, efforts, context_tokens: 8192 });

/** A session that answers at once from what it is given, and says what it was asked. */
class StandInSession extends EventTarget {
  model = null;
  state = "ready";
  reason = null;
  asked = [];
  attested = 0;
  held = { handshake: { result: { statement: { modelName: "usual" } } } };
  answers = {
    "model.list": {
      models: [model("usual", ["off", "on"]), model("other")],
      default: "usual",
      context_tokens: 8192,
      options: {},
    },
    "settings.open": { settings: null },
    "settings.save": {},
    "templates.open": { templates: [] },
  };

  async ask(message) {
    this.asked.push(message);
    return this.answers[message.type];
  }

  attest() {
    this.attested += 1;
  }
}

async function ready() {
  const session = new StandInSession();
  const settings = new AnswerSettings(session);
  settings.enter("a");
  await settings.load();
  return { session, settings };
}

test("what is wished for a conversation stands before what is wished for all", async () => {
  const { settings } = await ready();
  await settings.changeOwn({ system: "Be brief.", options: { temperature: 1, top_p: 0.5 } });
  await settings.change({ options: { temperature: 0 }, effort: "off" });
  assert.deepEqual(settings.way, { options: { temperature: 0 }, system: "Be brief.", effort: "off" });
});

test("what is wished for all can be taken out of one conversation, and what comes later does not bring it back", async () => {
  const { settings } = await ready();
  await settings.changeOwn({ system: "Be brief.", options: { temperature: 1 } });
  await settings.change({ system: "", options: {} });
  await settings.change({ effort: "off" });
  assert.deepEqual(settings.way, { options: {}, effort: "off" });
});

test("what is made the wish for all leaves nothing else to this conversation, here and where it is kept", async () => {
  const { session, settings } = await ready();
  await settings.change({ options: { temperature: 0 } });
  await settings.changeOwn({ options: { top_p: 0.5 } });
  assert.deepEqual(settings.way.options, { top_p: 0.5 });
  assert.deepEqual(session.asked.at(-1), { type: "settings.save", conversation: "a", settings: null });
});

test("an effort that the model does not have is not asked for", async () => {
  const { settings } = await ready();
  await settings.change({ effort: "high" });
  assert.equal("effort" in settings.way, false);
});

test("another model is another proof, for the same conversation", async () => {
  const { session, settings } = await ready();
  await settings.change({ model: "other" });
  assert.deepEqual([session.model, session.attested], ["other", 1]);
});

test("wishes for a conversation that is not stored yet are kept as soon as it is", async () => {
  const { session, settings } = await ready();
  const { ask } = session;
  session.ask = async () => Promise.reject(Object.assign(new Error(), { code: "not_found" }));
  await settings.change({ system: "Only here." });
  session.ask = ask;
  await settings.keep();
  assert.equal(session.asked.at(-1).settings.system, "Only here.");
  assert.equal(session.asked.at(-1).conversation, "a");
});

test("what could not be kept in between is kept with the next session, before another model is asked for", async () => {
  const { session, settings } = await ready();
  const { ask } = session;
  session.ask = async () => Promise.reject(Object.assign(new Error(), { code: "not_ready" }));
  await settings.change({ model: "other" });
  session.ask = ask;
  session.held.handshake.result.statement.modelName = "other";
  await settings.load();
  assert.deepEqual([session.asked.at(-1).type, session.asked.at(-1).settings.model], ["settings.save", "other"]);
});

test("a model that is gone keeps nobody out", async () => {
  const { session, settings } = await ready();
  await settings.change({ model: "other" });
  Object.assign(session, { state: "refused", reason: { code: "model_missing" } });
  session.dispatchEvent(new Event("change"));
  assert.deepEqual([session.model, session.attested], [null, 2]);
});
