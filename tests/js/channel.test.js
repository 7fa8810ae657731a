import assert from "node:assert/strict";
import { test } from "node:test";
import { SealedChannel, openChannel } from "../../static/js/crypto/channel.js";
import { b64encode, utf8 } from "../../static/js/crypto/encoding.js";
import { ChannelError, MalformedError } from "../../static/js/crypto/errors.js";
import { ServerChannel, padded } from "./server_channel.js";
import {
  AEAD_AES_256_GCM,
  CipherSuite,
  KDF_HKDF_SHA256,
  KEM_DHKEM_X25519_HKDF_SHA256,
} from "../../static/vendor/hpke.js";

const suite = new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM);
const keyPair = await suite.GenerateKeyPair();
const kemKey = await suite.SerializePublicKey(keyPair.publicKey);
const statement = utf8('{"v":"confchat/1"}');
const secret = new Uint8Array(32).fill(7);
const opening = {
  user: "u",
  historyKey: new Uint8Array(32).fill(9),
  enroll: true,
  outcome: "affirming",
  acceptRisk: false,
  checkpoint: { size: 3, root: new Uint8Array(32) },
};

async function session(changes = {}) {
  const { sealed, channel } = await openChannel({ statement, kemKey, suite: "X25519", opening, secret, ...changes });
  return { sealed, channel, server: new ServerChannel({ secret, sealed, statement }) };
}

const code = (expected) => (error) => error instanceof ChannelError && error.code === expected;

test("the opening holds exactly the members of the protocol", async () => {
  const { sealed } = await session();
  const th = new Uint8Array(await crypto.subtle.digest("SHA-256", statement));
  const info = Buffer.concat([Buffer.from("confchat/1 session\0"), th]);
  const opened = await suite.Open(keyPair.privateKey, sealed.subarray(0, 32), sealed.subarray(32), { info });
  assert.deepEqual(JSON.parse(Buffer.from(opened).toString()), {
    secret: b64encode(secret),
    user: "u",
    history_key: b64encode(opening.historyKey),
    enroll: true,
    outcome: "affirming",
    accept_risk: false,
    checkpoint: { size: 3, root: b64encode(new Uint8Array(32)) },
  });
});

test("every opening has a secret of its own", async () => {
  const { channel } = await openChannel({ statement, kemKey, suite: "X25519", opening });
  const other = await openChannel({ statement, kemKey, suite: "X25519", opening });
  assert.notDeepEqual(await channel.seal({ type: "a" }), await other.channel.seal({ type: "a" }));
});

for (const change of [{ acceptRisk: true }, { outcome: "warning" }]) {
  test(`a history key does not go out with ${JSON.stringify(change)}`, async () => {
    await assert.rejects(session({ opening: { ...opening, ...change } }), code("history_key_refused"));
    await session({ opening: { ...opening, ...change, historyKey: null } });
  });
}

test("messages go both ways, padded to 1024 bytes", async () => {
  const { channel, server } = await session();
  for (const text of ["", "é".repeat(300), "x".repeat(1000), "x".repeat(5000)]) {
    const plaintext = server.open(await channel.seal({ text }));
    assert.equal(plaintext.length % 1024, 0);
    assert.deepEqual(JSON.parse(plaintext.toString()), { text });
    assert.deepEqual(await channel.open(server.seal(padded({ text }))), { text });
  }
});

test("a message of exactly 1024 bytes is not padded further", async () => {
  const { channel, server } = await session();
  const frame = await channel.seal({ text: "x".repeat(1024 - '{"text":""}'.length) });
  assert.equal(frame.length, 8 + 1024 + 16);
  assert.equal(server.open(frame).length, 1024);
});

test("frames sealed and opened at once keep their order", async () => {
  const { channel, server } = await session();
  const order = [];
  const sealed = Array.from({ length: 20 }, (_, n) =>
    channel.seal({ n, text: "x".repeat(n % 2 ? 5 : 300_000) }).then((frame) => order.push(frame)),
  );
  await Promise.all(sealed);
  assert.deepEqual(
    order.map((frame) => JSON.parse(server.open(frame).toString()).n),
    Array.from({ length: 20 }, (_, n) => n),
  );
  const opened = [];
  const frames = Array.from({ length: 20 }, (_, n) =>
    server.seal(padded({ n, text: "x".repeat(n % 2 ? 5 : 300_000) })),
  );
  await Promise.all(frames.map((frame) => channel.open(frame).then(({ n }) => opened.push(n))));
  assert.deepEqual(
    opened,
    Array.from({ length: 20 }, (_, n) => n),
  );
});

const BAD_FRAMES = {
  "a repeated frame": [
    (server) => [server.seal(padded({})), server.seal(padded({}), { sequence: 0 })],
    "frame_out_of_order",
  ],
  "a gap": [(server) => [server.seal(padded({}), { sequence: 1 })], "frame_out_of_order"],
  "a frame of no bytes": [() => [new Uint8Array()], "frame_out_of_order"],
  "a frame without ciphertext": [(server) => [server.seal(padded({})).subarray(0, 8)], "frame_not_genuine"],
  "a changed ciphertext": [(server) => [flip(server.seal(padded({})), 40)], "frame_not_genuine"],
  "a changed tag": [(server) => [flip(server.seal(padded({})), -1)], "frame_not_genuine"],
  "a high byte in the sequence": [(server) => [flip(server.seal(padded({})), 0)], "frame_out_of_order"],
  "an empty plaintext": [(server) => [server.seal(Buffer.alloc(0))], "frame_not_padded"],
  "a plaintext that is not padded": [(server) => [server.seal(Buffer.from("{}"))], "frame_not_padded"],
  "a frame over 1 MiB": [(server) => [server.seal(Buffer.alloc(2 ** 20, " "))], "frame_too_large"],
};

function flip(bytes, at) {
  bytes[at < 0 ? bytes.length + at : at] ^= 1;
  return bytes;
}

for (const [name, [frames, expected]] of Object.entries(BAD_FRAMES)) {
  test(`${name} ends the session`, async () => {
    const { channel, server } = await session();
    const [last, ...good] = frames(server).reverse();
    for (const frame of good.reverse()) await channel.open(frame);
    await assert.rejects(channel.open(last), code(expected));
    await assert.rejects(channel.open(server.seal(padded({}), { sequence: 1 })), code(expected));
    await assert.rejects(channel.seal({}), code(expected));
  });
}

for (const text of ["[]", "1", "null", '"a"', '{"a":1,"a":1}', '{"a":1.5}', "{", "\ufeff{}"]) {
  test(`a message ${text} ends the session`, async () => {
    const { channel, server } = await session();
    await assert.rejects(channel.open(server.seal(padded(text))), MalformedError);
    await assert.rejects(channel.seal({}), MalformedError);
  });
}

test("a frame behind one that does not open is never delivered", async () => {
  const { channel, server } = await session();
  const [bad, good] = [flip(server.seal(padded({ text: "x".repeat(500_000) })), 40), server.seal(padded({}))];
  const [first, second] = await Promise.allSettled([channel.open(bad), channel.open(good)]);
  assert.ok(code("frame_not_genuine")(first.reason));
  assert.ok(code("frame_not_genuine")(second.reason));
});

test("a message behind one that is not strict JSON is never delivered", async () => {
  const { channel, server } = await session();
  const frames = [server.seal(padded("[]")), server.seal(padded({}))];
  const results = await Promise.allSettled(frames.map((frame) => channel.open(frame)));
  assert.ok(results.every(({ reason }) => reason instanceof MalformedError));
});

test("a frame of the other direction does not open", async () => {
  const { channel } = await session();
  await assert.rejects(channel.open(await channel.seal({})), code("frame_not_genuine"));
});

test("a frame of another statement or another opening does not open", async () => {
  const { channel, sealed } = await session();
  const other = new ServerChannel({ secret, sealed, statement: utf8("{}") });
  await assert.rejects(channel.open(other.seal(padded({}))), code("frame_not_genuine"));
  const again = await session();
  const changed = new ServerChannel({ secret, sealed, statement });
  await assert.rejects(again.channel.open(changed.seal(padded({}))), code("frame_not_genuine"));
});

test("what a strict receiver would refuse is not sent, and the session goes on", async () => {
  const { channel, server } = await session();
  await assert.rejects(channel.seal({ text: "\ud800" }), MalformedError);
  await assert.rejects(channel.seal({ n: 1.5 }), MalformedError);
  await assert.rejects(channel.seal({ text: "x".repeat(2 ** 20) }), code("frame_too_large"));
  assert.deepEqual(JSON.parse(server.open(await channel.seal({ options: { temperature: 0.5 } })).toString()), {
    options: { temperature: 0.5 },
  });
});

test("a session ends after 2^24 frames", async () => {
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const way = () => ({ key, iv: new Uint8Array(12), label: utf8("label"), sequence: 2 ** 24 - 1 });
  const channel = new SealedChannel(way(), way());
  const frame = await channel.seal({});
  assert.deepEqual([...frame.subarray(0, 8)], [0, 0, 0, 0, 0, 255, 255, 255]);
  await assert.rejects(channel.seal({}), code("session_ended"));
});
