/** What goes out comes back, and what others export is read without losing a word. */
import assert from "node:assert/strict";
import test from "node:test";
import { FORMAT, collect, toMarkdown } from "../../static/js/models/transfer/export.js";
import { ImportError, readExport } from "../../static/js/models/transfer/import.js";
import { upload } from "../../static/js/models/transfer/upload.js";

const id = (n) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const options = { makeId: () => crypto.randomUUID(), now: 1_790_000_000_000 };
const said = (n, parent, role, text) => ({
  message: id(n),
  parent,
  role,
  text,
  thinking: "",
  model: "m",
  created_at: 5,
});

test("an own export comes back as it went out", () => {
  const messages = [
    said(1, null, "user", "雨?"),
    said(2, id(1), "assistant", "Yes"),
    said(3, id(1), "assistant", "No"),
  ];
  const place = { pinned: true, archived: false, folder: id(9) };
  const conversation = { conversation: id(7), title: "Rain", updated_at: 6, ...place, messages };
  const folders = [{ folder: id(9), name: "Work" }];
  const read = readExport(JSON.stringify({ format: FORMAT, folders, conversations: [conversation] }), options);
  assert.deepEqual(read, { folders, conversations: [conversation], documents: {} });
});

test("ChatGPT's tree keeps its branches, without nodes that say nothing", () => {
  const node = (name, parent, role, parts, rest = {}) => ({
    id: name,
    parent,
    message: role && { author: { role }, content: { content_type: "text", parts }, create_time: 3.5, ...rest },
  });
  const mapping = {
    root: node("root", null, null),
    hidden: node("hidden", "root", "system", [""]),
    [id(1)]: node(id(1), "hidden", "user", ["Hello", { content_type: "image_asset_pointer" }]),
    [id(2)]: node(id(2), id(1), "assistant", ["Hi"], { metadata: { model_slug: "gpt-4" } }),
    [id(3)]: node(id(3), id(1), "assistant", ["Hello!"]),
  };
  const text = JSON.stringify([{ id: id(5), title: "T", update_time: 9.7, is_archived: true, mapping }]);
  const [{ messages, ...rest }] = readExport(text, options).conversations;
  assert.deepEqual([rest.conversation, rest.title, rest.updated_at, rest.archived], [id(5), "T", 9, true]);
  assert.deepEqual(
    messages.map(({ message, parent, text: words }) => [message, parent, words]),
    [
      [id(1), null, "Hello\n[image_asset_pointer]"],
      [id(2), id(1), "Hi"],
      [id(3), id(1), "Hello!"],
    ],
  );
  assert.equal(messages[1].model, "gpt-4");
});

test("Open WebUI's chats come with their thinking beside the answer", () => {
  const answer = '<details type="reasoning" done="true">\n<summary>Thought</summary>\n> hm\n> so\n</details>\nYes';
  const messages = {
    a: { id: "a", parentId: null, role: "user", content: "Is it?", timestamp: 4 },
    b: { id: "b", parentId: "a", role: "assistant", content: answer, model: "r1", timestamp: 5 },
  };
  const text = JSON.stringify([{ id: "x", title: "T", updated_at: 8, pinned: true, chat: { history: { messages } } }]);
  const [conversation] = readExport(text, options).conversations;
  const [first, second] = conversation.messages;
  assert.deepEqual([conversation.pinned, first.text, second.parent], [true, "Is it?", first.message]);
  assert.deepEqual([second.text, second.thinking], ["Yes", "hm\nso"]);
});

test("what is no export is refused with a reason", () => {
  for (const [text, code] of [
    ["{", "import_json"],
    ["[]", "import_unknown"],
    ['{"a":1}', "import_unknown"],
    ["null", "import_unknown"],
  ]) {
    assert.throws(
      () => readExport(text, options),
      (error) => error instanceof ImportError && error.code === code,
    );
  }
});

test("many messages are sent in pages, parents first", async () => {
  const asked = [];
  const session = { ask: async (message) => asked.push(message) };
  const messages = Array.from({ length: 900 }, (_, i) => said(i, i ? id(i - 1) : null, "user", "x".repeat(1000)));
  const conversations = [{ conversation: id(1), title: "T", messages }];
  await upload(session, { folders: [{ folder: id(2), name: "F" }], conversations }, { own: id(3) });
  assert.equal(asked[0].type, "folder.name");
  const pages = asked.slice(1);
  assert.ok(pages.length > 2 && pages.every((page) => JSON.stringify(page).length < 500_000));
  assert.deepEqual(
    pages.flatMap((page) => page.messages),
    messages,
  );
});

test("Markdown has the branch in view", () => {
  const messages = [said(1, null, "user", "Q"), said(2, id(1), "assistant", "One"), said(3, id(1), "assistant", "Two")];
  const files = (list) => `Attached: ${list}`;
  const names = { user: "You", assistant: "Answer", untitled: "Untitled", files };
  messages[0].attachments = [{ name: "a.pdf" }];
  const text = toMarkdown({ conversations: [{ title: null, shown: id(2), messages }] }, names);
  assert.equal(text, "# Untitled\n\n## You\n\n*Attached: a.pdf*\n\nQ\n\n## Answer\n\nOne");
});

test("files come back with the messages that they were attached to, and the places that answers cite", async () => {
  const told = { attachment: id(8), name: "a.pdf", kind: "pdf", size: 9, unit: "page", pages: 1, tokens: 3 };
  const cited = { n: 1, attachment: id(8), page: 1, start: 0, end: 5 };
  const messages = [
    { ...said(1, null, "user", "?"), attachments: [told, { ...told, attachment: id(9) }], sources: [] },
    { ...said(2, id(1), "assistant", "So [1]."), attachments: [], sources: [cited] },
  ];
  const documents = { [id(8)]: { ...told, texts: ["words"], image: null } };
  const text = JSON.stringify({ format: FORMAT, conversations: [{ conversation: id(7), messages }], documents });
  const asked = [];
  const ask = async (message) => (asked.push(message), { offset: message.type === "attachment.put" ? 1e9 : 0 });
  assert.deepEqual(await upload({ ask }, readExport(text, options), { own: id(3) }), []);
  const [begin, put, restore, page] = asked;
  assert.deepEqual([begin.conversation, begin.name, restore.attachment], [id(3), "a.pdf", id(8)]);
  assert.deepEqual(JSON.parse(atob(put.data)), documents[id(8)]);
  assert.deepEqual(page.messages[0].attachments, [id(8)], "what the export has not is not promised");
  assert.deepEqual(page.messages[1].sources, [cited]);
});

test("where there is no room for files the words come in all the same, and the files are named", async () => {
  const documents = { [id(8)]: { attachment: id(8), name: "a.pdf" } };
  const messages = [{ ...said(1, null, "user", "?"), attachments: [id(8)] }];
  const kept = [];
  const ask = async (message) => {
    if (message.type === "conversation.import" && message.messages[0].attachments.length) {
      throw Object.assign(new Error(), { code: "attachments_quota" });
    }
    if (message.type === "conversation.import") kept.push(...message.messages);
    return { offset: 1e9 };
  };
  const conversations = [{ conversation: id(7), title: "T", messages }];
  assert.deepEqual(await upload({ ask }, { folders: [], conversations, documents }, { own: id(3) }), ["a.pdf"]);
  assert.equal(kept[0].text, "?");
});

test("one conversation goes out with its files' names, and comes back whole", async () => {
  const file = { attachment: id(8), name: "a.pdf", kind: "pdf", size: 1, unit: "page", pages: 1, tokens: 1 };
  const messages = [{ ...said(1, null, "user", "Rain?"), attachments: [file] }, said(2, id(1), "assistant", "Yes")];
  const session = {
    ask: async ({ type }) =>
      type === "conversation.open"
        ? { title: "Rain", shown: null, messages, next: null }
        : { text: "page", image: null },
  };
  const item = { conversation: id(7), title: "Rain", updated_at: 6, pinned: false, archived: false, folder: null };
  const found = await collect(session, [item], { folders: [], now: options.now });
  const names = { user: "You", assistant: "Answer", untitled: "–", files: (list) => `Files: ${list.join(", ")}` };
  assert.equal(toMarkdown(found, names), "# Rain\n\n## You\n\n*Files: a.pdf*\n\nRain?\n\n## Answer\n\nYes");
  const [back] = readExport(JSON.stringify(found), options).conversations;
  const words = (list) => list.map(({ message, parent, role, text }) => ({ message, parent, role, text }));
  assert.deepEqual([back.conversation, back.title, words(back.messages)], [id(7), "Rain", words(messages)]);
});
