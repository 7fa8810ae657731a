/** A page beside others of the same user: what they change shows here, and what is in view is not taken away. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Chat } from "../../static/js/models/chat.js";
import { aWhile, makeReadyWorld, until } from "./stand_in.js";

const id = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const said = (n, parent, role, text, state = "complete") => ({
  message: id(n),
  parent: parent && id(parent),
  role,
  text,
  thinking: "",
  state,
  reason: state === "complete" ? "stop" : "",
  model: "m",
  usage: {},
  created_at: 5,
});
const PLACE = { titled: "user", folder: null, archived: false, pinned: false, model: "m" };

/** A page that has the conversation 1 in view; `kept` is what the server has, and may be changed. */
async function makePage() {
  const world = await makeReadyWorld();
  const { session, historyKey, clock, server } = world;
  const kept = { title: "Rain", messages: [said(2, null, "user", "Rain?"), said(3, 2, "assistant", "Yes")], older: [] };
  const other = { conversation: id(8), title: "Snow", updated_at: 8, ...PLACE };
  const listed = () => [
    ...(kept.title ? [{ conversation: id(1), title: kept.title, updated_at: 9, ...PLACE }] : []),
    other,
  ];
  const asked = [];
  const answers = {
    "conversation.list": ({ before }) => ({
      conversations: before ? kept.older : listed(),
      next: before ? null : "more",
    }),
    "folder.list": () => ({ folders: [] }),
    "conversation.open": () => ({
      conversation: id(1),
      title: kept.title,
      shown: null,
      messages: kept.messages,
      next: null,
    }),
    "changes.follow": () => ({ type: "changes.following" }),
    "model.list": () => ({ models: [], default: "m", context_tokens: 1, options: {} }),
    "settings.open": () => ({ settings: null }),
    "templates.open": () => ({ templates: [] }),
  };
  const serving = setInterval(() => {
    for (const { id: number, type, ...rest } of server.connection.requests.splice(0)) {
      asked.push({ id: number, type, ...rest });
      const answer = answers[type]?.(rest);
      if (answer) server.connection.tellSealed({ type, id: number, ...answer });
    }
  }, 1);
  serving.unref(); // a test that fails does not wait for it
  const chat = new Chat({ session, historyKey, clock, makeId: () => crypto.randomUUID() });
  chat.open(id(1));
  await until(() => chat.conversation.path.length === 2 && asked.some(({ type }) => type === "changes.follow"));
  await until(() => chat.conversations.items.length === 2);
  const follow = asked.findLast(({ type }) => type === "changes.follow");
  const notice = (...changes) => server.connection.tellSealed({ type: "changes.noticed", id: follow.id, changes });
  return { ...world, chat, kept, asked, notice };
}

test("what others say goes on in view, and an answer that is being given comes in as it grows", async () => {
  const { chat, kept, asked, notice, server } = await makePage();
  kept.messages.push(said(4, 3, "user", "Really?"), said(5, 4, "assistant", "Wel", "running"));
  notice({ kind: "messages", conversation: id(1) });
  await until(() => asked.some(({ type }) => type === "chat.resume"));
  const { id: number, offsets } = asked.findLast(({ type }) => type === "chat.resume");
  assert.deepEqual(offsets, { thinking: 0, content: 3 });
  assert.equal(chat.conversation.running.id, id(5));
  server.connection.tellSealed({ type: "chat.delta", id: number, reply: id(5), offsets, content: "l, yes" });
  server.connection.tellSealed({ type: "chat.done", id: number, reply: id(5), reason: "stop", usage: {} });
  await until(() => chat.conversation.running === null);
  assert.equal(chat.conversation.path.at(-1).text, "Well, yes");
});

test("a version made elsewhere stands beside the one in view, which stays", async () => {
  const { chat, kept, notice } = await makePage();
  kept.messages.push(said(6, 2, "assistant", "No"));
  notice({ kind: "messages", conversation: id(1) });
  await until(() => chat.conversation.siblings(chat.conversation.path[1]).length === 2);
  assert.equal(chat.conversation.path[1].text, "Yes");
});

test("an old conversation that is not among the newest is looked for behind them", async () => {
  const { chat, kept, notice } = await makePage();
  kept.older = [{ conversation: id(9), title: "Old", updated_at: 1, ...PLACE }];
  notice({ kind: "conversation", conversation: id(9) });
  await until(() => chat.conversations.find(id(9))?.title === "Old");
  kept.older = [];
  notice({ kind: "conversation", conversation: id(9) });
  await until(() => chat.conversations.find(id(9)) === null);
});

test("what is deleted elsewhere goes out of view, and comes back when it is brought back", async () => {
  const { chat, kept, notice } = await makePage();
  kept.title = null;
  notice({ kind: "conversation", conversation: id(1) });
  await until(() => chat.conversation.state === "missing");
  assert.deepEqual(chat.conversation.path, []);
  kept.title = "Rain again";
  notice({ kind: "conversation", conversation: id(1) });
  await until(() => chat.conversation.path.length === 2);
  assert.equal(chat.conversation.title, "Rain again");
});

test("what was missed while the connection was lost is caught up with in the next session", async () => {
  const { chat, kept, asked, server, clock } = await makePage();
  server.connection.end(1006);
  await until(() => chat.session.state === "closed");
  kept.messages.push(said(4, 3, "user", "Really?"), said(5, 4, "assistant", "Yes"));
  asked.length = 0;
  clock.advance(500);
  await until(() => chat.conversation.path.length === 4);
  assert.equal(asked.filter(({ type }) => type === "changes.follow").length, 1);
});

test("a notice about another conversation leaves the one in view unread", async () => {
  const { asked, notice } = await makePage();
  await aWhile();
  asked.length = 0;
  notice({ kind: "messages", conversation: id(7) });
  await until(() => asked.some(({ type }) => type === "conversation.list"));
  await aWhile();
  assert.equal(asked.filter(({ type }) => type === "conversation.open").length, 0);
});
