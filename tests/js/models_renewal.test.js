import assert from "node:assert/strict";
import { test } from "node:test";
import { aWhile, makeReadyWorld, until } from "./stand_in.js";
import { trustOf } from "../../static/js/models/trust.js";

const BEAT_MS = 300_000;
const MOMENT_MS = 5_000;

const state = (world) => trustOf(world.session).state;
/** Time passes on a page that is open: the session is watched, as `main.js` does. */
function pass(world, ms) {
  world.clock.advance(ms);
  world.session.watch();
}

const isRenewed = (world, times = 2) => world.server.openings.length === times && world.session.state === "ready";

test("while the page is looked at, the server proves itself anew on a beat, and the badge stays green", async () => {
  const world = await makeReadyWorld();
  const seen = new Set();
  world.session.addEventListener("change", () => seen.add(state(world)));
  for (const times of [2, 3]) {
    pass(world, BEAT_MS);
    await until(() => isRenewed(world, times));
  }
  assert.deepEqual([...seen], ["verified"]);
});

test("the beat waits for a running answer, and comes when it has ended", async () => {
  const world = await makeReadyWorld();
  const answer = world.session.ask({ type: "model.list" });
  await until(() => world.server.connection.requests.length === 1);
  pass(world, BEAT_MS);
  pass(world, MOMENT_MS);
  await aWhile();
  assert.equal(world.session.state, "ready");
  const [{ id }] = world.server.connection.requests;
  world.server.connection.tellSealed({
    type: "model.list",
    id,
    models: [],
    default: "",
    context_tokens: 0,
    options: {},
  });
  await answer;
  pass(world, MOMENT_MS);
  await until(() => isRenewed(world));
});

test("an answer that outlasts the evidence does not keep it: the proof is renewed a minute before its end", async () => {
  const world = await makeReadyWorld();
  const answer = world.session.ask({ type: "model.list" });
  await until(() => world.server.connection.requests.length === 1);
  world.clock.advance(541_000);
  await assert.rejects(answer, (error) => error.code === "session_renewed");
  await until(() => isRenewed(world));
});

test("a page that nobody looks at is left in peace, and proved anew when it is looked at again", async () => {
  const world = await makeReadyWorld();
  world.page.isVisible = false;
  pass(world, BEAT_MS + MOMENT_MS);
  await aWhile();
  assert.equal(world.server.openings.length, 1);
  world.page.isVisible = true;
  world.session.wake();
  await until(() => isRenewed(world));
});

test("a beat that came to nothing keeps the green for as long as the evidence holds, and is tried again", async () => {
  const world = await makeReadyWorld();
  world.server.isWilling = false;
  pass(world, BEAT_MS);
  await until(() => world.server.connection.clear.pop()?.type === "attest.request");
  world.server.connection.tell({ type: "error", code: "attestation_unavailable", retry: true });
  await until(() => world.session.state === "ready");
  pass(world, MOMENT_MS);
  assert.equal(world.session.state, "ready", "not at once");
  assert.equal(state(world), "verified");
  world.server.isWilling = true;
  pass(world, 15_000);
  await until(() => isRenewed(world));
});

test("a page that is looked at again soon is not proved anew", async () => {
  const world = await makeReadyWorld();
  pass(world, MOMENT_MS);
  world.session.wake();
  await aWhile();
  assert.equal(world.server.openings.length, 1);
});

test("after a sleep, the first look at the clock ends the green, without any timer", async () => {
  const world = await makeReadyWorld();
  world.server.isWilling = false;
  const seen = [];
  world.session.addEventListener("change", () => seen.push(state(world)));
  world.clock.advance(700_000, { isAsleep: true });
  world.session.watch();
  assert.equal(seen[0], "expired");
  await until(() => world.session.state === "requesting");
  assert.equal(state(world), "checking");
});

test("a clock that is set back does not make a proof last longer", async () => {
  const world = await makeReadyWorld();
  world.clock.setBy = -3_600_000;
  world.clock.advance(601_000, { isAsleep: true });
  assert.equal(world.session.held, null);
  assert.notEqual(state(world), "verified");
});

test("nothing is watched where nothing is proved", async () => {
  const world = await makeReadyWorld();
  world.server.outcome = "contraindicated";
  world.server.faults = { "quote.chain": ["fail", "certificate_revoked"] };
  world.session.attest();
  await until(() => world.session.state === "refused");
  pass(world, BEAT_MS);
  await aWhile();
  assert.equal(world.session.state, "refused");
});
