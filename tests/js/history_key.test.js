import assert from "node:assert/strict";
import { test } from "node:test";
import { HistoryKey } from "../../static/js/models/history_key.js";
import { WAYS, unwrap, wrap } from "../../static/js/models/key_ways.js";
import { readRecoveryCode, recoveryCode } from "../../static/js/models/recovery_code.js";
import { b64encode } from "../../static/js/crypto/encoding.js";
import { MemoryKeyStore, MemoryStorage } from "./stand_in.js";

const random = (size) => crypto.getRandomValues(new Uint8Array(size));
const code = (expected) => (error) => error.code === expected;
const CHEAP = { passes: 1, memory: 64 };

/** An authenticator with a PRF, which is all that a way asks of one. */
function authenticator() {
  const secret = random(32);
  const output = async (salt) => crypto.subtle.digest("SHA-256", new Uint8Array([...secret, ...salt]));
  return {
    make: async ({ salt }) => ({ credential: new Uint8Array(16), output: await output(salt) }),
    ask: ({ salt }) => output(salt),
  };
}

function open(user = "one", { store = new MemoryKeyStore(), passkeys = authenticator() } = {}) {
  return { store, passkeys, key: new HistoryKey(user, { store, random, passkeys }) };
}

const affirmed = { isAffirmed: true };

async function enrolled(parts) {
  const world = open("one", parts);
  const { historyKey } = await world.key.opening(affirmed);
  await world.key.confirm();
  return { ...world, historyKey };
}

test("a recovery code is letters and digits in groups, and gives back its key", async () => {
  const key = random(32);
  const written = await recoveryCode(key);
  assert.match(written, /^([0-9A-HJKMNP-TV-Z]{4}-){13}[0-9A-HJKMNP-TV-Z]{4}$/);
  assert.deepEqual(await readRecoveryCode(written), key);
});

test("what people make of a code when they type it is still the code", async () => {
  const key = new Uint8Array(32);
  const written = await recoveryCode(key);
  assert.match(written, /^0000-0000/);
  for (const typed of [
    written.toLowerCase(),
    written.replaceAll("-", " "),
    written.replaceAll("0", "o"),
    `\n${written} `,
  ]) {
    assert.deepEqual(await readRecoveryCode(typed), key, typed);
  }
});

test("one mistake anywhere in a code is put right", async () => {
  const key = random(32);
  const written = (await recoveryCode(key)).replaceAll("-", "");
  for (const i of [0, 1, 27, 54]) {
    const other = written[i] === "7" ? "8" : "7";
    const wrong = written.slice(0, i) + other + written.slice(i + 1);
    const swapped = written.slice(0, i) + written[i + 1] + written[i] + written.slice(i + 2);
    const missing = written.slice(0, i) + written.slice(i + 1);
    const surplus = written.slice(0, i) + other + written.slice(i);
    for (const typed of [wrong, swapped, missing, surplus]) assert.deepEqual(await readRecoveryCode(typed), key, typed);
  }
  assert.deepEqual(await readRecoveryCode(written.slice(0, -1)), key);
});

test("what is no code is refused", async () => {
  const written = await recoveryCode(random(32));
  const [first, second, third, ...rest] = written.split("-");
  for (const typed of ["", "hello", [third, first, second, ...rest].join("-"), `${written}-AAAA`, "é".repeat(56)]) {
    assert.equal(await readRecoveryCode(typed), null, typed);
  }
});

test("a history key is kept per account and never sent without affirmation", async () => {
  const store = new MemoryKeyStore();
  const [one, two] = ["one", "two"].map((user) => open(user, { store }).key);
  const [a, b] = [await one.opening(affirmed), await two.opening(affirmed)].map(({ historyKey }) => historyKey);
  assert.equal(a.length, 32);
  assert.notDeepEqual(a, b);
  assert.deepEqual(await one.opening({ isAffirmed: false }), { historyKey: null, enroll: false });
  assert.deepEqual((await one.opening(affirmed)).historyKey, a);
});

test("a key that the server once accepted is kept, and not offered for enrolment again", async () => {
  const { store, historyKey, key } = await enrolled();
  assert.deepEqual(await key.opening(affirmed), { historyKey, enroll: false });
  assert.deepEqual(await open("one", { store }).key.opening(affirmed), { historyKey, enroll: false });
});

test("two tabs that begin at once have one key", async () => {
  const store = new MemoryKeyStore();
  const openings = await Promise.all([1, 2].map(() => open("one", { store }).key.opening(affirmed)));
  assert.deepEqual(openings[0].historyKey, openings[1].historyKey);
});

test("no byte of the key is kept in the clear, and its wrapping key can be taken out of no browser", async () => {
  const { store, historyKey } = await enrolled();
  const { kept, wrapped } = store.get("one");
  assert.equal(kept.wrapping.extractable, false);
  assert.equal(Buffer.from(wrapped.sealed).includes(Buffer.from(historyKey.slice(0, 8))), false);
});

test("a passphrase locks the key until it is given again", async () => {
  const { store, historyKey, key } = await enrolled();
  await key.keepBy("passphrase", { passphrase: "four words and more", cost: CHEAP });
  const later = open("one", { store }).key;
  await assert.rejects(later.opening(affirmed), code("history_locked"));
  assert.deepEqual([later.isLocked, later.way], [true, "passphrase"]);
  await assert.rejects(later.unlock({ passphrase: "four words and less" }), code("key_secret_wrong"));
  await later.unlock({ passphrase: "four words and more" });
  assert.deepEqual(await later.opening(affirmed), { historyKey, enroll: false });
});

test("a passkey locks the key until its authenticator answers, and no other authenticator opens it", async () => {
  const { store, passkeys, historyKey, key } = await enrolled();
  await key.keepBy("passkey", { name: "one" });
  const other = open("one", { store }).key;
  await assert.rejects(other.opening(affirmed), code("history_locked"));
  await assert.rejects(other.unlock(), code("key_secret_wrong"));
  const later = open("one", { store, passkeys }).key;
  await assert.rejects(later.opening(affirmed), code("history_locked"));
  await later.unlock();
  assert.deepEqual((await later.opening(affirmed)).historyKey, historyKey);
});

test("the recovery code opens the history in another browser, which keeps it only once it is proved", async () => {
  const { key, historyKey } = await enrolled();
  const other = await enrolled();
  const before = other.store.get("one");
  await other.key.enter(await key.code());
  assert.deepEqual(await other.key.opening(affirmed), { historyKey, enroll: false });
  assert.equal(other.store.get("one"), before);
  await other.key.confirm();
  assert.deepEqual(await open("one", other).key.opening(affirmed), { historyKey, enroll: false });
  await assert.rejects(other.key.enter("no code"), code("code_wrong"));
});

test("a code that is kept is said to be kept from then on", async () => {
  const { store, key } = await enrolled();
  assert.equal(key.isCodeKept, false);
  await key.codeIsKept();
  const later = open("one", { store }).key;
  await later.opening(affirmed);
  assert.equal(later.isCodeKept, true);
});

test("a wrapped key opens for its own account alone, and not where a byte of it changed", async () => {
  const { wrapping } = await WAYS.device.make({});
  const wrapped = await wrap(random(32), wrapping, { user: "one", random });
  await assert.rejects(unwrap(wrapped, wrapping, { user: "two" }), code("key_secret_wrong"));
  wrapped.sealed[5] ^= 1;
  await assert.rejects(unwrap(wrapped, wrapping, { user: "one" }), code("key_secret_wrong"));
});

test("a record that asks for more work than any of ours is refused", async () => {
  const kept = { salt: random(32), passes: 1, memory: 2 ** 30 };
  await assert.rejects(WAYS.passphrase.open(kept, { passphrase: "x" }), code("key_secret_wrong"));
});

test("a key that the first version kept in clear opens the history still, and lies in clear no more", async () => {
  for (const before of [null, { way: "device", isEnrolled: false }]) {
    const key = random(32);
    const storage = new MemoryStorage();
    const name = "confchat.history-key.one";
    storage.setItem(name, JSON.stringify({ key: b64encode(key), isEnrolled: true }));
    const store = new MemoryKeyStore(before && [["one", before]]);
    const open = new HistoryKey("one", { store, storage, random });
    assert.deepEqual(await open.opening(affirmed), { historyKey: key, enroll: false });
    assert.equal(storage.getItem(name), null);
    const again = new HistoryKey("one", { store, storage, random });
    assert.deepEqual(await again.opening(affirmed), { historyKey: key, enroll: false });
    assert.equal(again.isCodeKept, false);
  }
});

test("what lies in clear beside a key that the server has accepted since is only removed", async () => {
  const { store, historyKey } = await enrolled();
  const storage = new MemoryStorage();
  storage.setItem("confchat.history-key.one", JSON.stringify({ key: b64encode(random(32)), isEnrolled: true }));
  const later = new HistoryKey("one", { store, storage, random });
  assert.deepEqual((await later.opening(affirmed)).historyKey, historyKey);
  assert.equal(storage.size, 0);
});

test("keys for other purposes come only from a key that is open and proved, and differ by purpose", async () => {
  const { key, store } = open();
  assert.equal(await key.derive("a"), undefined);
  await key.opening(affirmed);
  assert.equal(await key.derive("a"), undefined, "the server has not accepted it yet");
  await key.confirm();
  const iv = new Uint8Array(12);
  const seal = async (purpose, from) => {
    const made = await from.derive(purpose);
    assert.equal(made.extractable, false);
    return b64encode(new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, made, new Uint8Array(16))));
  };
  const later = new HistoryKey("one", { store, random });
  assert.equal(await seal("a", key), await seal("a", later));
  assert.notEqual(await seal("a", key), await seal("b", key));
  key.leaveOut();
  assert.equal(await key.derive("a"), undefined);
});
