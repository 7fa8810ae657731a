/** Files go in pieces, go on with the next session, and wait for a message. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RequestError } from "../../static/js/protocol/errors.js";
import { Uploads } from "../../static/js/models/uploads.js";

class Server extends EventTarget {
  state = "ready";
  held = new Map();
  fails = null;
  asked = [];

  async ask({ type, attachment, data, offset }) {
    this.asked.push(type);
    if (type === this.fails?.type) {
      const { code } = this.fails;
      this.fails = null;
      throw new RequestError(code);
    }
    const known = this.held.get(attachment) ?? 0;
    if (type === "attachment.put") assert.equal(offset, known);
    this.held.set(attachment, known + (data ? Buffer.from(data, "base64url").length : 0));
    const file = type === "attachment.read" ? { attachment, name: "a" } : null;
    return { offset: this.held.get(attachment), file };
  }
}

function begin() {
  const session = new Server();
  const uploads = new Uploads(session, { makeId: () => crypto.randomUUID() });
  uploads.enter("a conversation");
  return { session, uploads };
}

const file = (size) => new File([new Uint8Array(size)], "a file");

async function settled(uploads) {
  while (uploads.isBusy) await new Promise((resolve) => setTimeout(resolve, 5));
}

test("a file goes in pieces, is read, and is handed out once", async () => {
  const { session, uploads } = begin();
  uploads.add([file(1_000_000)]);
  assert.equal(uploads.isBusy, true);
  await settled(uploads);
  assert.equal(session.asked.filter((type) => type === "attachment.put").length, 3);
  assert.deepEqual(
    uploads.take().map(({ name }) => name),
    ["a"],
  );
  assert.deepEqual(uploads.take(), []);
});

test("a session that is lost goes on where it was, with the next", async () => {
  const { session, uploads } = begin();
  session.fails = { type: "attachment.read", code: "connection_lost" };
  uploads.add([file(10)]);
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.equal(uploads.isBusy, true);
  session.dispatchEvent(new Event("change"));
  await settled(uploads);
  assert.equal(uploads.take().length, 1);
});

test("what is refused says why, and what is too large or too many is never sent", async () => {
  const { session, uploads } = begin();
  session.fails = { type: "attachment.read", code: "document_kind" };
  uploads.add([file(10), ...Array.from({ length: 10 }, () => file(1))]);
  uploads.remove(uploads.items[9].id);
  await settled(uploads);
  assert.deepEqual([uploads.items[0].code, uploads.items.at(-1).code], ["document_kind", "attachments_many"]);
});

test("what was handed out comes back with its files, sent again where the server has them no more", async () => {
  const { session, uploads } = begin();
  uploads.add([file(10)]);
  await settled(uploads);
  const [{ attachment }] = uploads.take();
  session.held.clear();
  uploads.giveBack([
    { attachment, name: "a file" },
    { attachment: "of another page", name: "b" },
    { attachment: "of an earlier prompt", name: "c", kind: "pdf" },
  ]);
  await settled(uploads);
  assert.equal(session.held.get(attachment), 10);
  assert.deepEqual(
    uploads.items.map(({ name, state, code }) => [name, state, code]),
    [
      ["a file", "ready", undefined],
      ["b", "failed", "attachment_missing"],
      ["c", "ready", undefined],
    ],
  );
});
