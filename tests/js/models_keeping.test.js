import assert from "node:assert/strict";
import { test } from "node:test";
import { b64encode } from "../../static/js/crypto/encoding.js";
import { groupByDay } from "../../static/js/models/days.js";
import { LogKeyPin } from "../../static/js/models/pins.js";
import { Releases } from "../../static/js/models/releases.js";
import { checkSealed, parseClear } from "../../static/js/protocol/messages.js";
import { ProtocolError } from "../../static/js/protocol/errors.js";
import { fetchReleases } from "../../static/js/protocol/releases.js";
import { closeReason } from "../../static/js/protocol/socket.js";
import { MemoryStorage } from "./stand_in.js";

const log = (byte) => ({ origin: "chat.example/log", key: b64encode(new Uint8Array(32).fill(byte)) });
const ID = "33333333-3333-4333-8333-333333333333";

test("the log key of the first proof stays, and a change is noticed", () => {
  const storage = new MemoryStorage();
  const first = new LogKeyPin(log(1), storage);
  assert.equal(first.pinned, null);
  first.confirm(5);
  const later = new LogKeyPin(log(2), storage);
  later.confirm(6);
  assert.equal(later.hasChanged, true);
  assert.deepEqual(later.key, new Uint8Array(32).fill(1));
  later.accept(7);
  assert.equal(later.hasChanged, false);
  assert.deepEqual(later.key, new Uint8Array(32).fill(2));
});

test("logs of other names are pinned apart", () => {
  const storage = new MemoryStorage();
  new LogKeyPin(log(1), storage).confirm(5);
  assert.equal(new LogKeyPin({ ...log(2), origin: "other.example/log" }, storage).hasChanged, false);
});

test("conversations stand under the days of the reader's calendar", () => {
  const now = new Date(2026, 10, 22, 9, 0);
  const at = (...parts) => ({ updated_at: new Date(...parts).getTime() / 1000 });
  const items = [
    at(2026, 10, 22, 0, 1),
    at(2026, 10, 21, 23, 59),
    at(2026, 10, 15, 12),
    at(2026, 9, 25),
    at(2026, 9, 1),
    at(2025, 9, 1),
  ];
  const groups = groupByDay(items, now).map(({ key, year, month }) =>
    [key, year, month].filter((x) => x !== undefined),
  );
  assert.deepEqual(groups, [["today"], ["yesterday"], ["week"], ["month"], ["earlier", 2026, 9], ["earlier", 2025, 9]]);
});

test("a failed load of the releases is not remembered", async () => {
  let tries = 0;
  const releases = new Releases(async () => {
    if (++tries === 1) throw new Error("down");
    return ["release"];
  });
  await assert.rejects(releases.load());
  assert.deepEqual(await releases.load(), ["release"]);
  await releases.load();
  assert.equal(tries, 2);
  await releases.reload();
  assert.equal(tries, 3);
});

for (const [name, respond] of Object.entries({
  "an error": () => new Response("", { status: 500 }),
  "no list": () => Response.json({ releases: {} }),
  "no JSON": () => new Response("<html>"),
  "no answer": () => Promise.reject(new TypeError("down")),
})) {
  test(`releases with ${name} are unavailable`, async () => {
    await assert.rejects(fetchReleases("/attestation/releases", respond), { code: "releases_unavailable" });
  });
}

for (const [name, text] of Object.entries({
  "no JSON": "{",
  "a list": "[]",
  "an unknown type": '{"type":"session.surprise"}',
  "a type of Object's own": '{"type":"constructor"}',
  "a duplicate member": '{"type":"error","code":"a","code":"b","retry":false}',
  "a missing member": '{"type":"error","code":"a"}',
  "a sealed type in clear": `{"type":"chat.done","id":1,"reply":"${ID}","reason":"stop","usage":{}}`,
  "an outcome of its own": JSON.stringify({
    type: "attest.verdict",
    record: ID,
    outcome: "splendid",
    verifier: {},
    token: null,
    checks: [],
    error: null,
  }),
})) {
  test(`a clear frame with ${name} breaks the protocol`, () => {
    assert.throws(() => parseClear(text), ProtocolError);
  });
}

for (const [name, message] of Object.entries({
  "a clear type": { type: "session.switch", record: ID },
  "no id": { type: "chat.done", reply: ID, reason: "stop", usage: {} },
  "a negative offset": { type: "chat.delta", id: 1, reply: ID, offsets: { thinking: 0, content: -1 } },
  "a text that is none": { type: "chat.delta", id: 1, reply: ID, offsets: { thinking: 0, content: 0 }, content: 5 },
  "a broken list": { type: "conversation.list", id: 1, conversations: [{ conversation: "x" }], next: null },
})) {
  test(`a sealed message with ${name} breaks the protocol`, () => {
    assert.throws(() => checkSealed(message), ProtocolError);
  });
}

test("close codes have their reasons, and every other loss is the network's", () => {
  assert.equal(closeReason(4401), "login_required");
  assert.equal(closeReason(1013), "overloaded");
  assert.equal(closeReason(1006), "connection_lost");
});
