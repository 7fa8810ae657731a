import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { isGrownFrom } from "../../static/js/attestation/merkle.js";
import { trustOf } from "../../static/js/models/trust.js";
import { makeReadyWorld, makeWorld, until } from "./stand_in.js";

const A = "11111111-1111-4111-8111-111111111111";
const bytes = (buffer) => new Uint8Array(buffer);
const sha256 = (...parts) => bytes(createHash("sha256").update(Buffer.concat(parts)).digest());
const leaf = (number) => sha256(Buffer.from([0]), Buffer.from(`entry ${number}`));

/** RFC 6962 section 2.1, as it defines them: roots and consistency proofs over a list of leaves. */
const split = (size) => 2 ** Math.floor(Math.log2(size - 1));
function rootOf(leaves) {
  if (leaves.length < 2) return leaves[0] ?? sha256();
  const k = split(leaves.length);
  return sha256(Buffer.from([1]), rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)));
}
function proofOf(old, leaves, isWhole = true) {
  if (old === leaves.length) return isWhole ? [] : [rootOf(leaves)];
  const k = split(leaves.length);
  if (old <= k) return [...proofOf(old, leaves.slice(0, k), isWhole), rootOf(leaves.slice(k))];
  return [...proofOf(old - k, leaves.slice(k), false), rootOf(leaves.slice(0, k))];
}

const leaves = (count, changed = -1) => Array.from({ length: count }, (_, i) => leaf(i === changed ? "other" : i));
const log = (list) => ({ size: list.length, root: rootOf(list) });
const text = (hash) => Buffer.from(hash).toString("base64url");

/** What a server's statement says of its log. */
const said = (list) => ({ logOrigin: "chat.example/log", logSize: list.length, logRoot: text(rootOf(list)) });

test("every log continues each of its beginnings", async () => {
  for (let now = 1; now <= 34; now++) {
    for (let old = 1; old <= now; old++) {
      const all = leaves(now);
      assert.ok(await isGrownFrom(log(all.slice(0, old)), log(all), proofOf(old, all)), `${old} ${now}`);
    }
  }
  assert.ok(await isGrownFrom(log([]), log(leaves(3)), []));
});

test("no log continues another one, or one that is longer", async () => {
  for (let now = 2; now <= 20; now++) {
    for (let old = 1; old < now; old++) {
      const other = leaves(now, old - 1);
      const before = log(leaves(old));
      assert.equal(await isGrownFrom(before, log(other), proofOf(old, other)), false);
      assert.equal(await isGrownFrom(before, log(other), []), false);
      assert.equal(await isGrownFrom(log(leaves(now)), before, proofOf(old, leaves(now))), false);
      const good = proofOf(old, leaves(now));
      assert.equal(await isGrownFrom(before, log(leaves(now)), [...good, leaf(0)]), false);
      assert.equal(await isGrownFrom(before, log(leaves(now)), good.slice(1)), false);
    }
  }
  assert.equal(await isGrownFrom({ size: 0, root: leaf(0) }, log(leaves(2)), []), false);
  assert.equal(await isGrownFrom(log(leaves(2)), { size: 2, root: leaf(0) }, []), false);
});

test("sizes beyond 32 bits are told apart", async () => {
  const before = { size: 2 ** 40, root: leaf(0) };
  const now = { size: 2 ** 41, root: sha256(Buffer.from([1]), leaf(0), leaf(1)) };
  assert.ok(await isGrownFrom(before, now, [leaf(1)]));
  assert.equal(await isGrownFrom({ ...before, size: 2 ** 40 + 1 }, now, [leaf(1)]), false);
});

async function renewWith(world, { list, consistency }) {
  Object.assign(world.server, { log: said(list), ready: { consistency } });
  const before = world.server.openings.length;
  world.session.attest();
  await until(() => world.server.openings.length > before || world.session.state === "refused");
  await until(() => ["ready", "refused", "closed"].includes(world.session.state));
}

test("the first view of a log needs no proof, and is what the next one is measured by", async () => {
  const world = makeWorld();
  world.server.log = said(leaves(3));
  world.session.attest(A);
  await until(() => world.session.state === "ready");
  assert.equal(world.server.openings[0].checkpoint, null);
  const all = leaves(7);
  await renewWith(world, { list: all, consistency: proofOf(3, all).map(text) });
  assert.deepEqual(world.server.openings[1].checkpoint, { size: 3, root: text(rootOf(leaves(3))) });
  assert.equal(trustOf(world.session).state, "verified");
  const check = world.session.handshake.result.checks.at(-1);
  assert.deepEqual([check.id, check.status], ["binding.log", "pass"]);
  await renewWith(world, { list: all, consistency: null });
  assert.equal(world.server.openings[2].checkpoint, null);
  assert.equal(trustOf(world.session).state, "verified");
});

test("a log that was rewritten ends the session and is shown in red", async () => {
  const other = leaves(9, 1);
  const proofs = [null, [], proofOf(5, other).map(text), ["not a hash"], proofOf(5, leaves(8)).map(text)];
  for (const consistency of proofs) {
    const world = await makeReadyWorld({ log: said(leaves(5)) });
    await renewWith(world, { list: other, consistency });
    assert.equal(trustOf(world.session).state, "failed");
    assert.equal(world.session.reason.check.id, "binding.log");
    assert.equal(world.session.held, null);
    await until(() => world.server.connections[0].closedWith !== null);
    assert.equal(JSON.parse(world.storage.getItem("confchat.log-view.chat.example/log")).size, 5);
  }
});

test("another tab may see more of the log while this one waits for its answer", async () => {
  const world = await makeReadyWorld({ log: said(leaves(5)) });
  const all = leaves(7);
  Object.assign(world.server, { log: said(all), ready: { consistency: proofOf(5, all).map(text) }, isWilling: false });
  world.session.attest();
  await until(() => world.server.connection.clear.length === 1);
  const name = "confchat.log-view.chat.example/log";
  const seen = JSON.parse(world.storage.getItem(name));
  world.storage.setItem(name, JSON.stringify({ ...seen, size: 9, root: text(rootOf(leaves(9))) }));
  world.server.isWilling = true;
  await world.server.answer(world.server.connection);
  await until(() => world.session.state === "ready");
  assert.equal(trustOf(world.session).state, "verified");
  assert.equal(JSON.parse(world.storage.getItem(name)).size, 9);
});

test("what was seen of a log under one key says nothing of the log under another", async () => {
  const world = await makeReadyWorld({ log: said(leaves(5)) });
  const name = "confchat.log-view.chat.example/log";
  const seen = JSON.parse(world.storage.getItem(name));
  world.storage.setItem(name, JSON.stringify({ ...seen, key: "ff".repeat(32) }));
  await renewWith(world, { list: leaves(2, 1), consistency: null });
  assert.equal(trustOf(world.session).state, "verified");
});
