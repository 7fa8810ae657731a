/** What is being written survives its page, is read by nobody else, and is brought back once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Conversation } from "../../static/js/models/conversation.js";
import { Draft } from "../../static/js/models/draft.js";
import { Drafts } from "../../static/js/models/drafts.js";
import { MemoryDraftStore, makeReadyWorld, until } from "./stand_in.js";

const CANARY = "canary-金丝雀";
const random = (size) => crypto.getRandomValues(new Uint8Array(size));

/** A page with one conversation and what is brought back into its composer. */
async function makePage({
  store = new MemoryDraftStore(),
  keyStore,
  isTemporary = false,
  tab = "tab",
  listed = [],
} = {}) {
  const world = await makeReadyWorld(keyStore && { keyStore });
  const { session, clock, historyKey } = world;
  await until(() => historyKey.isEnrolled);
  const makeId = () => crypto.randomUUID();
  const talk = new Conversation(world.conversation, { session, clock, makeId, isNew: true, isTemporary });
  const drafts = new Drafts(historyKey.user, { historyKey, store, random });
  const brought = [];
  const conversations = { state: "loaded", find: (id) => (listed.includes(id) ? {} : null) };
  const bring = ({ text, files }) => brought.push({ text, files });
  const parts = {
    drafts,
    tab,
    isOpen: async (name) => name === "open",
    unkept: new Map(),
    chat: { conversations },
    bring,
  };
  const draft = new Draft(talk, parts);
  return { ...world, talk, drafts, draft, parts, brought, store };
}

const kept = (text) => ({ text, files: [], unsent: [] });

test("a draft comes back in the next page of the same tab, and is gone once it is empty", async () => {
  const { draft, store, keyStore } = await makePage();
  await draft.restore();
  draft.files = [{ attachment: "a", name: "a.pdf" }];
  await draft.save(CANARY);
  const next = await makePage({ store, keyStore });
  await next.draft.restore();
  assert.deepEqual(next.brought, [{ text: CANARY, files: [{ attachment: "a", name: "a.pdf" }] }]);
  await next.draft.save("");
  assert.equal(store.size, 0);
});

test("no word of a draft lies in clear, and lengths are told in steps", async () => {
  const { draft, store } = await makePage();
  await draft.restore();
  const sizes = new Set();
  for (const text of [CANARY, `${CANARY} and a little more`]) {
    await draft.save(text);
    const [record] = store.values();
    assert.deepEqual(Object.keys(record).sort(), ["nonce", "sealed"]);
    assert.equal(Buffer.from(record.sealed).includes(Buffer.from(CANARY)), false);
    sizes.add(record.sealed.length);
  }
  assert.equal(sizes.size, 1);
});

test("another key, another place and changed bytes open nothing, and what cannot be opened goes", async () => {
  const { draft, drafts, store } = await makePage();
  await draft.restore();
  await draft.save(CANARY);
  const [[place, record]] = store;
  await store.write("", "elsewhere", record);
  assert.equal(await drafts.read("elsewhere"), null);
  const stranger = await makePage({ store });
  assert.equal(await stranger.drafts.read(place), null);
  assert.equal(store.size, 0);
});

test("while the key is not open nothing is kept, and what was written is there when it opens", async () => {
  const { draft, parts, talk, historyKey, store, brought } = await makePage();
  historyKey.leaveOut();
  await draft.restore();
  await draft.save(CANARY);
  await draft.leave(CANARY);
  assert.equal(store.size, 0);
  await new Draft(talk, parts).restore();
  assert.deepEqual(brought, [{ text: CANARY, files: [] }]);
});

test("of a temporary chat nothing is kept", async () => {
  const { draft, store, parts } = await makePage({ isTemporary: true });
  await draft.restore();
  await draft.save(CANARY);
  await draft.leave(CANARY);
  assert.equal(store.size + parts.unkept.size, 0);
});

test("a prompt that no server took comes back, and one that was taken does not", async () => {
  for (const isTaken of [false, true]) {
    const { draft, talk, store, keyStore } = await makePage();
    await draft.restore();
    talk.send(CANARY);
    await draft.save("and then");
    const next = await makePage({ store, keyStore, listed: isTaken ? [talk.id] : [] });
    await next.draft.restore();
    assert.deepEqual(
      next.brought.map(({ text }) => text),
      isTaken ? ["and then"] : ["and then", CANARY],
    );
  }
});

test("what is written goes on under the conversation's own place once the server keeps it", async () => {
  const { draft, drafts, talk, store, server } = await makePage();
  await draft.restore();
  talk.send("Hello");
  await draft.save("and then");
  await until(() => server.connection.requests.length === 1);
  const { id, message } = server.connection.requests[0];
  server.connection.tellSealed({ type: "chat.started", id, message, reply: crypto.randomUUID() });
  await until(() => talk.isStored);
  await draft.save("and then");
  assert.equal(store.size, 1);
  assert.deepEqual(await drafts.read(talk.id), kept("and then"));
});

test("a tab that was closed leaves its draft to the next new conversation, and an open one keeps its own", async () => {
  const first = await makePage({ tab: "closed" });
  const { store, keyStore } = first;
  await first.draft.restore();
  await first.draft.save(CANARY);
  const open = await makePage({ store, keyStore, tab: "open" });
  await open.drafts.write("new:open", kept("mine"));
  const next = await makePage({ store, keyStore });
  await next.draft.restore();
  assert.deepEqual(next.brought, [{ text: CANARY, files: [] }]);
  assert.deepEqual(await next.drafts.read("new:open"), kept("mine"));
});

test("drafts of conversations that are gone go too", async () => {
  const { drafts, store } = await makePage();
  for (const place of ["new:tab", "there", "gone"]) await drafts.write(place, kept(place));
  await drafts.keepOnly(new Set(["there"]));
  assert.equal(store.size, 2);
  assert.equal(await drafts.read("gone"), null);
});
