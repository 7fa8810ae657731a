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

test("files of a message that could not be sent are there again for the next", async () => {
  const { uploads } = begin();
  uploads.add([file(10)]);
  await settled(uploads);
  const sent = uploads.take();
  uploads.giveBack(sent);
  assert.equal(uploads.isBusy, false);
  assert.deepEqual(uploads.take(), sent);
});
