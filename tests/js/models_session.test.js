import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryKeyStore, USER, aWhile, makeReadyWorld, makeWorld, until } from "./stand_in.js";
import { trustOf } from "../../static/js/models/trust.js";

const A = "11111111-1111-4111-8111-111111111111";
const B = "22222222-2222-4222-8222-222222222222";

const asked = (world) => world.session.ask({ type: "model.list" });
const refusedWith = (code) => (error) => error.code === code;
const state = (world) => trustOf(world.session).state;

test("a session opens on the browser's own appraisal and is green only then", async () => {
  const world = makeWorld();
  const seen = new Set();
  world.session.addEventListener("change", () => seen.add(`${world.session.state} ${state(world)}`));
  world.session.attest(A);
  await until(() => world.session.state === "ready");
  assert.deepEqual(
    [...seen],
    [
      "connecting checking",
      "requesting checking",
      "checking checking",
      "opening checking",
      "proving checking",
      "ready verified",
    ],
  );
  const [opening] = world.server.openings;
  assert.equal(opening.user, USER);
  assert.equal(opening.outcome, "affirming");
  assert.equal(opening.accept_risk, false);
  assert.equal(opening.enroll, true);
});

test("nothing can be asked before the server is trusted", async () => {
  const world = makeWorld();
  world.server.isWilling = false;
  await assert.rejects(asked(world), refusedWith("not_ready"));
  world.session.attest(A);
  await until(() => world.session.state === "requesting");
  await assert.rejects(asked(world), refusedWith("not_ready"));
  const parts = await world.server.evidence(world.server.connection.clear.shift());
  world.server.connection.tell(parts.evidence);
  await assert.rejects(asked(world), refusedWith("not_ready"));
  world.server.connection.tell(parts.verdict);
  await until(() => world.session.state === "opening");
  await assert.rejects(asked(world), refusedWith("not_ready"));
  assert.deepEqual(world.server.connection.requests, []);
});

test("a request is answered once the session is ready", async () => {
  const world = await makeReadyWorld();
  const answer = asked(world);
  await until(() => world.server.connection.requests.length === 1);
  const [{ id }] = world.server.connection.requests;
  world.server.connection.tellSealed({
    type: "model.list",
    id,
    models: [],
    default: "",
    context_tokens: 0,
    options: {},
  });
  assert.deepEqual((await answer).models, []);
});

test("a server that fails a check is red, is never opened, and stays so whatever it sends", async () => {
  const world = makeWorld();
  world.server.outcome = "contraindicated";
  world.server.faults = { "quote.chain": ["fail", "certificate_revoked"] };
  world.session.attest(A);
  await until(() => world.session.state === "refused");
  assert.equal(state(world), "failed");
  assert.equal(world.session.reason.check.id, "quote.chain");
  assert.deepEqual(world.server.openings, []);
  await assert.rejects(asked(world), refusedWith("not_ready"));
  world.server.outcome = "affirming";
  world.server.faults = {};
  const late = await world.server.evidence({ nonce: "", conversation: A });
  world.server.connection.tell(late.evidence);
  await aWhile();
  assert.equal(world.session.state, "refused");
  world.clock.advance(60_000);
  await aWhile();
  assert.equal(world.session.state, "refused", "a refused server is not asked again by itself");
});

test("a refused server is left only by a new handshake that the user asks for", async () => {
  const world = makeWorld();
  world.server.outcome = "contraindicated";
  world.server.faults = { "td.attributes": ["fail", "td_debug"] };
  world.session.attest(A);
  await until(() => world.session.state === "refused");
  world.server.outcome = "affirming";
  world.server.faults = {};
  world.session.attest();
  await until(() => world.session.state === "ready");
});

test("a service that does not affirm keeps the session shut, and the difference shows", async () => {
  const world = makeWorld();
  world.server.serviceOutcome = "contraindicated";
  world.session.attest(A);
  await until(() => world.session.state === "refused");
  assert.equal(world.session.reason.code, "service_differs");
  assert.equal(trustOf(world.session).dispute, "server");
  assert.equal(state(world), "failed");
  assert.deepEqual(world.server.openings, []);
});

test("a verdict that affirms does not make up for the browser's own finding", async () => {
  const world = makeWorld();
  world.server.outcome = "contraindicated";
  world.server.faults = { "binding.nonce": ["fail", "nonce_differs"] };
  world.server.serviceOutcome = "affirming";
  world.session.attest(A);
  await until(() => world.session.state === "refused");
  assert.deepEqual(world.server.openings, []);
});

test("old evidence expires: a hidden page loses its green, and proves the server anew when it is looked at", async () => {
  const world = await makeReadyWorld();
  world.page.isVisible = false;
  world.clock.advance(600_000);
  assert.equal(world.session.state, "stale");
  assert.equal(state(world), "expired");
  await assert.rejects(asked(world), refusedWith("not_ready"));
  world.page.isVisible = true;
  world.session.wake();
  await until(() => world.session.state === "ready");
  assert.equal(world.server.openings.length, 2);
});

test("a computer that slept is not green for a moment after it wakes", async () => {
  const world = await makeReadyWorld();
  world.clock.advance(700_000, { isAsleep: true });
  assert.equal(world.session.held, null);
  assert.equal(state(world), "expired");
  await assert.rejects(asked(world), refusedWith("not_ready"));
});

test("a page that is looked at renews its proof before it ends, without losing its green", async () => {
  const world = await makeReadyWorld();
  const seen = new Set();
  world.session.addEventListener("change", () => seen.add(state(world)));
  world.clock.advance(541_000);
  await until(() => world.server.openings.length === 2 && world.session.state === "ready");
  assert.deepEqual([...seen], ["verified"]);
  assert.equal(world.server.openings[1].enroll, false);
});

test("a renewal that fails locks at once", async () => {
  const world = await makeReadyWorld();
  world.server.outcome = "contraindicated";
  world.server.faults = { "tcb.status": ["fail", "tcb_refused"] };
  world.clock.advance(541_000);
  await until(() => world.session.state === "refused");
  assert.equal(state(world), "failed");
  assert.equal(world.session.held, null);
});

test("a renewal that could not be made keeps what was proved until its own end, and not longer", async () => {
  const world = await makeReadyWorld();
  world.server.isWilling = false;
  world.clock.advance(541_000);
  await until(() => world.session.state === "requesting");
  world.server.connection.tell({ type: "error", code: "attestation_unavailable", retry: true });
  await until(() => world.session.state === "ready");
  assert.equal(state(world), "verified");
  world.page.isVisible = false;
  world.clock.advance(60_000);
  assert.notEqual(state(world), "verified");
});

test("a new conversation is never green by the proof of the one before", async () => {
  const world = await makeReadyWorld();
  world.server.isWilling = false;
  world.session.attest(B);
  assert.equal(world.session.held, null);
  assert.equal(state(world), "checking");
});

test("conversations that are left before they open leave no session behind", async () => {
  const world = makeWorld();
  world.session.attest(A);
  world.session.attest(B);
  await until(() => world.session.state === "ready");
  assert.equal(world.server.current.conversation, B);
  assert.equal(world.session.held.handshake.conversation, B);
});

for (const [name, value] of Object.entries({
  statement_sha256: "00".repeat(32),
  user: "another",
  conversation: B,
  outcome: "warning",
  record: B,
})) {
  test(`a session.ready with another ${name} ends the session`, async () => {
    const world = makeWorld();
    world.server.ready = { [name]: value };
    world.session.attest(A);
    await until(() => world.session.state === "refused");
    assert.equal(world.session.reason.code, "session_mismatch");
    assert.equal(state(world), "failed");
    assert.equal(world.server.connection.closedWith, 4400);
    world.clock.advance(60_000);
    await aWhile();
    assert.equal(world.server.connections.length, 1);
  });
}

test("a session.switch that nobody asked for ends the connection", async () => {
  const world = await makeReadyWorld();
  const { connection } = world.server;
  connection.tell({ type: "session.switch", record: world.session.handshake.record });
  await until(() => connection.closedWith !== null);
  assert.equal(connection.closedWith, 4400);
});

test("evidence that nobody asked for ends the connection", async () => {
  const world = await makeReadyWorld();
  const { evidence } = await world.server.evidence({ nonce: "", conversation: A });
  world.server.connection.tell(evidence);
  await until(() => world.server.connection.closedWith === 4400);
  assert.equal(state(world), "offline");
});

test("a verdict of another record ends the connection", async () => {
  const world = makeWorld();
  world.server.isWilling = false;
  world.session.attest(A);
  await until(() => world.session.state === "requesting");
  const parts = await world.server.evidence(world.server.connection.clear.shift());
  world.server.connection.tell(parts.evidence);
  world.server.connection.tell({ ...parts.verdict, record: B });
  await until(() => world.server.connection.closedWith === 4400);
});

for (const [name, disturb] of Object.entries({
  "a repeated frame": (connection) =>
    connection.tellFrame(connection.tellSealed({ type: "model.list", id: 99, models: [] })),
  "a skipped frame": (connection) => connection.tellSealed({ type: "model.list", id: 99, models: [] }, { sequence: 7 }),
  "a changed frame": (connection) => {
    const frame = connection.channel.seal(Buffer.alloc(1024, " "));
    frame[40] ^= 1;
    connection.tellFrame(frame);
  },
  "an unknown message": (connection) => connection.tellSealed({ type: "chat.surprise", id: 1 }),
  "a second session.ready": (connection) => connection.tellSealed({ type: "session.ready" }),
})) {
  test(`${name} ends the session, and it is proved anew`, async () => {
    const world = await makeReadyWorld();
    const { connection } = world.server;
    const pending = asked(world);
    disturb(connection);
    await assert.rejects(pending, refusedWith("connection_lost"));
    assert.equal(connection.closedWith, 4400);
    assert.equal(state(world), "offline");
    world.clock.advance(1_000);
    await until(() => world.session.state === "ready");
    assert.equal(world.server.openings.length, 2);
  });
}

test("a lost connection takes the green with it and is tried again with a new handshake", async () => {
  const world = await makeReadyWorld();
  world.server.connection.end(1006);
  await until(() => world.session.state === "closed");
  assert.equal(state(world), "offline");
  world.clock.advance(500);
  await until(() => world.session.state === "ready");
  assert.notEqual(world.server.openings[0].secret, world.server.openings[1].secret);
});

test("a refusal by policy is not tried again by itself", async () => {
  const world = makeWorld();
  world.server.isWilling = false;
  world.session.attest(A);
  await until(() => world.session.state === "requesting");
  world.server.connection.end(4403);
  await until(() => world.session.state === "refused");
  world.clock.advance(120_000);
  await aWhile();
  assert.equal(world.server.connections.length, 1);
  assert.equal(state(world), "failed");
});

test("a handshake that gets no answer is given up", async () => {
  const world = makeWorld();
  world.server.isWilling = false;
  world.session.attest(A);
  await until(() => world.session.state === "requesting");
  world.clock.advance(60_000);
  assert.equal(world.session.state, "refused");
  assert.equal(world.session.reason.code, "timeout");
});

test("a refusal of the history key opens nothing, and as anybody may say it in clear, drops no key", async () => {
  const world = makeWorld();
  world.server.isWilling = false;
  world.session.attest(A);
  await until(() => world.session.state === "requesting");
  await world.server.attest(world.server.connection, world.server.connection.clear.shift());
  await until(() => world.session.state === "opening");
  world.server.connection.tell({ type: "error", code: "history_key_wrong", retry: false });
  await until(() => world.session.state === "refused");
  assert.equal(state(world), "unopened");
  assert.equal(world.keyStore.size, 1);
  world.server.connection.clear = [];
  world.server.isWilling = true;
  world.historyKey.leaveOut();
  world.session.attest();
  await until(() => world.session.state === "ready");
  assert.equal(world.server.openings.at(-1).history_key, null);
  assert.equal(world.session.held.isStored, false);
});

test("the history key is made once and kept in this browser", async () => {
  const keyStore = new MemoryKeyStore();
  const first = await makeReadyWorld({ keyStore });
  const second = await makeReadyWorld({ keyStore });
  const [a, b] = [first, second].map(({ server }) => server.openings[0]);
  assert.equal(a.history_key.length, 43);
  assert.equal(a.history_key, b.history_key);
  assert.deepEqual([a.enroll, b.enroll], [true, false]);
});
