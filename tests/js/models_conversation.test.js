import assert from "node:assert/strict";
import { test } from "node:test";
import { Chat } from "../../static/js/models/chat.js";
import { Conversation } from "../../static/js/models/conversation.js";
import { GapError, Message } from "../../static/js/models/message.js";
import { ManualClock, aWhile, makeReadyWorld, until } from "./stand_in.js";

const REPLY = "33333333-3333-4333-8333-333333333333";
const OTHER = "44444444-4444-4444-8444-444444444444";

async function makeTalk({ isNew = true } = {}) {
  const world = await makeReadyWorld();
  const { session, clock } = world;
  const makeId = () => crypto.randomUUID();
  const talk = new Conversation(world.conversation, { session, clock, makeId, isNew });
  const { connection } = world.server;
  const asked = async (n = 1) => {
    await until(() => world.server.connection.requests.length >= n);
    return world.server.connection.requests[n - 1];
  };
  const tell = (message) => world.server.connection.tellSealed(message);
  return { ...world, connection, talk, asked, tell };
}

const delta = (id, offsets, pieces, reply = REPLY) => ({ type: "chat.delta", id, reply, offsets, ...pieces });
const done = (id, reason = "stop", reply = REPLY) => ({ type: "chat.done", id, reply, reason, usage: {} });

test("an answer grows by its pieces and ends complete", async () => {
  const { talk, asked, tell } = await makeTalk();
  const sent = talk.send("Hello");
  const { id, message, type, parent, text } = await asked();
  assert.deepEqual([type, parent, text], ["chat.send", null, "Hello"]);
  assert.equal(talk.path[0].state, "sending");
  tell({ type: "chat.started", id, message, reply: REPLY });
  await until(() => talk.path.length === 2);
  assert.equal(talk.path[0].state, "complete");
  tell(delta(id, { thinking: 0, content: 0 }, { thinking: "Well, 𝄞" }));
  await until(() => talk.path[1].thinking !== "");
  assert.equal(talk.path[1].isThinking, true);
  tell(delta(id, { thinking: 7, content: 0 }, { content: "Good day" }));
  tell(delta(id, { thinking: 7, content: 8 }, {}));
  tell(done(id));
  await sent;
  const answer = talk.path[1];
  assert.deepEqual([answer.text, answer.thinking, answer.state], ["Good day", "Well, 𝄞", "complete"]);
});

test("an answer that was cut off is followed in the next session from where it was", async () => {
  const { talk, asked, tell, server, clock, session } = await makeTalk();
  talk.send("Hello");
  const { id, message } = await asked();
  tell({ type: "chat.started", id, message, reply: REPLY });
  tell(delta(id, { thinking: 0, content: 0 }, { content: "Good 𝄞 " }));
  await until(() => talk.path[1]?.text === "Good 𝄞 ");
  server.connection.end(1006);
  await until(() => session.state === "closed");
  assert.equal(talk.path[1].isRunning, true);
  clock.advance(500);
  await until(() => session.state === "ready");
  const synced = talk.sync();
  const resume = await asked();
  assert.equal(resume.type, "chat.resume");
  assert.deepEqual(resume.offsets, { thinking: 0, content: 7 });
  tell(delta(resume.id, { thinking: 0, content: 5 }, { content: "𝄞 day" }));
  tell(done(resume.id));
  await synced;
  assert.deepEqual([talk.path[1].text, talk.path[1].state], ["Good 𝄞 day", "complete"]);
});

test("a resume beyond what is stored begins at nothing again", async () => {
  const { talk, asked, tell, session } = await makeTalk();
  talk.send("Hello");
  const { id, message } = await asked();
  tell({ type: "chat.started", id, message, reply: REPLY });
  tell(delta(id, { thinking: 0, content: 0 }, { content: "Good day" }));
  await until(() => talk.path[1]?.text === "Good day");
  session.attest();
  await until(() => session.state === "ready");
  const synced = talk.sync();
  const first = await asked(2);
  tell({ type: "error", id: first.id, code: "offset", retry: true });
  const second = await asked(3);
  assert.deepEqual(second.offsets, { thinking: 0, content: 0 });
  tell(delta(second.id, { thinking: 0, content: 0 }, { content: "Go" }));
  tell(done(second.id, "truncated"));
  await synced;
  assert.deepEqual([talk.path[1].text, talk.path[1].state], ["Go", "incomplete"]);
});

test("an answer that nobody knows any more is incomplete, and what had come stays", async () => {
  const { talk, asked, tell, session } = await makeTalk();
  talk.send("Hello");
  const { id, message } = await asked();
  tell({ type: "chat.started", id, message, reply: REPLY });
  tell(delta(id, { thinking: 0, content: 0 }, { content: "Good" }));
  await until(() => talk.path[1]?.text === "Good");
  session.attest();
  await until(() => session.state === "ready");
  const synced = talk.sync();
  tell({ type: "error", id: (await asked(2)).id, code: "not_found", retry: false });
  await synced;
  assert.deepEqual([talk.path[1].text, talk.path[1].state, talk.path[1].reason], ["Good", "incomplete", "lost"]);
});

test("a prompt that was not taken in is sent again under the same id", async () => {
  const { talk, asked, server, clock, session } = await makeTalk();
  talk.send("Hello");
  const first = await asked();
  server.connection.end(1006);
  await until(() => session.state === "closed");
  clock.advance(500);
  await until(() => session.state === "ready");
  talk.sync();
  const second = await asked();
  assert.deepEqual([second.type, second.message, second.text], ["chat.send", first.message, "Hello"]);
});

test("what is said while the proof is renewed waits for the new session", async () => {
  const { talk, asked, session } = await makeTalk();
  session.attest();
  await talk.send("Hello");
  assert.deepEqual([talk.path[0].state, talk.path[0].isWaiting], ["sending", true]);
  await until(() => session.state === "ready");
  talk.sync();
  assert.equal((await asked()).type, "chat.send");
});

test("a prompt that is refused says why, can be tried again and taken back", async () => {
  const { talk, asked, tell } = await makeTalk();
  const sent = talk.send("Hello");
  tell({ type: "error", id: (await asked()).id, code: "prompt_too_long", retry: false });
  await sent;
  const [prompt] = talk.path;
  assert.deepEqual([prompt.state, prompt.error.code], ["failed", "prompt_too_long"]);
  talk.retry(prompt);
  assert.equal((await asked(2)).message, prompt.id);
  talk.withdraw(prompt);
  assert.equal(talk.isEmpty, true);
});

test("a model that fails ends the answer with its reason, and nothing that had come is lost", async () => {
  const { talk, asked, tell } = await makeTalk();
  const sent = talk.send("Hello");
  const { id, message } = await asked();
  tell({ type: "chat.started", id, message, reply: REPLY });
  tell(delta(id, { thinking: 0, content: 0 }, { content: "Go" }));
  tell({ ...done(id, "error"), error: { code: "model_failed", retry: true } });
  await sent;
  const answer = talk.path[1];
  assert.deepEqual([answer.text, answer.state, answer.error.code], ["Go", "incomplete", "model_failed"]);
});

test("stop asks for the running answer alone", async () => {
  const { talk, asked, tell } = await makeTalk();
  talk.send("Hello");
  const { id, message } = await asked();
  tell({ type: "chat.started", id, message, reply: REPLY });
  await until(() => talk.running?.isRunning);
  const stopping = talk.stop();
  const stop = await asked(2);
  assert.deepEqual([stop.type, stop.reply], ["chat.stop", REPLY]);
  tell({ type: "chat.stopped", id: stop.id, reply: REPLY });
  tell(done(id, "cancelled"));
  await stopping;
  await until(() => talk.running === null);
  assert.deepEqual([talk.path[1].state, talk.path[1].reason], ["incomplete", "cancelled"]);
});

test("an answer made again stands beside the first, and both can be chosen", async () => {
  const { talk, asked, tell } = await makeTalk();
  const sent = talk.send("Hello");
  const { id, message } = await asked();
  tell({ type: "chat.started", id, message, reply: REPLY });
  tell(done(id));
  await sent;
  const first = talk.path[1];
  const again = talk.regenerate(first);
  const request = await asked(2);
  assert.deepEqual([request.type, request.message], ["chat.regenerate", message]);
  tell({ type: "chat.started", id: request.id, message, reply: OTHER });
  tell(done(request.id, "stop", OTHER));
  await again;
  assert.deepEqual(
    talk.siblings(first).map((answer) => answer.id),
    [REPLY, OTHER],
  );
  assert.equal(talk.path[1].id, OTHER);
  talk.choose(first);
  assert.equal(talk.path[1].id, REPLY);
});

function stored(message, parent, role, rest = {}) {
  const common = { thinking: "", state: "complete", reason: "stop", model: "m", usage: {}, created_at: 1 };
  return { message, parent, role, text: role, ...common, ...rest };
}

test("a stored conversation comes in pages, shows its newest branch and goes on with what runs", async () => {
  const { talk, asked, tell } = await makeTalk({ isNew: false });
  const [p1, a1, a2, p2] = Array.from({ length: 4 }, () => crypto.randomUUID());
  const synced = talk.sync();
  const first = await asked();
  assert.deepEqual([first.type, first.conversation], ["conversation.open", talk.id]);
  const running = stored(REPLY, p2, "assistant", { state: "running", reason: "", text: "So " });
  const open = (id, messages, next) => ({
    type: "conversation.open",
    id,
    conversation: talk.id,
    title: "Title",
    shown: null,
    messages,
    next,
  });
  tell(open(first.id, [stored(a2, p1, "assistant"), stored(p2, a1, "user"), running], "7"));
  const second = await asked(2);
  assert.equal(second.before, "7");
  tell(open(second.id, [stored(p1, null, "user"), stored(a1, p1, "assistant")], null));
  const resume = await asked(3);
  assert.deepEqual([resume.type, resume.reply, resume.offsets], ["chat.resume", REPLY, { thinking: 0, content: 3 }]);
  tell(delta(resume.id, { thinking: 0, content: 3 }, { content: "it is." }));
  tell(done(resume.id));
  await synced;
  assert.deepEqual(
    talk.path.map(({ id }) => id),
    [p1, a1, p2, REPLY],
  );
  assert.deepEqual([talk.title, talk.state, talk.path[3].text], ["Title", "loaded", "So it is."]);
});

test("a conversation that is not there is missing, not empty", async () => {
  const { talk, asked, tell } = await makeTalk({ isNew: false });
  const synced = talk.sync();
  tell({ type: "error", id: (await asked()).id, code: "not_found", retry: false });
  await synced;
  assert.equal(talk.state, "missing");
});

test("a stored conversation is not asked for without the history key", async () => {
  const { talk, historyKey, session, server } = await makeTalk({ isNew: false });
  historyKey.leaveOut();
  session.attest();
  await until(() => session.state === "ready" && !session.held.isStored);
  await talk.sync();
  assert.equal(talk.state, "unreadable");
  assert.deepEqual(server.connection.requests, []);
});

test("pieces that were known are skipped, and a missing one is noticed", () => {
  const message = new Message({ message: REPLY, parent: null, role: "assistant", state: "running" }, new ManualClock());
  message.append({ offsets: { thinking: 0, content: 0 }, content: "a𝄞c" });
  message.append({ offsets: { thinking: 0, content: 0 }, content: "a𝄞c" });
  message.append({ offsets: { thinking: 0, content: 1 }, content: "𝄞cd" });
  assert.equal(message.text, "a𝄞cd");
  assert.throws(() => message.append({ offsets: { thinking: 0, content: 5 }, content: "f" }), GapError);
  assert.deepEqual(message.offsets, { thinking: 0, content: 4 });
});

test("thinking lasts from its first piece to the answer's first", () => {
  const clock = new ManualClock();
  const message = new Message({ message: REPLY, parent: null, role: "assistant", state: "running" }, clock);
  clock.advance(5_000);
  message.append({ offsets: { thinking: 0, content: 0 }, thinking: "Hm" });
  clock.advance(12_000);
  message.append({ offsets: { thinking: 2, content: 0 }, content: "So" });
  clock.advance(3_000);
  message.finish({ reason: "stop", usage: {} });
  assert.equal(message.thinkingMs, 12_000);
});

test("a new chat is a new conversation with a handshake of its own", async () => {
  const world = await makeReadyWorld();
  const { session, historyKey, clock, server } = world;
  const chat = new Chat({ session, historyKey, clock, makeId: () => crypto.randomUUID() });
  chat.startNew();
  const { id } = chat.conversation;
  await until(() => session.held?.handshake.conversation === id);
  assert.equal(server.openings.length, 2);
  assert.notEqual(server.openings[0].secret, server.openings[1].secret);
  chat.open(id);
  await aWhile();
  assert.equal(server.openings.length, 2, "the conversation in view is not opened again");
});
