import assert from "node:assert/strict";
import { test } from "node:test";
import { INDISPENSABLE, decide, mayBeRisked, refusalOf, worseOutcome } from "../../static/js/models/gate.js";
import { TRANSITIONS, TransitionError, nextState } from "../../static/js/models/transitions.js";
import { trustOf } from "../../static/js/models/trust.js";
import { makeWorld, until } from "./stand_in.js";

const A = "11111111-1111-4111-8111-111111111111";
const OTHERS = ["quote.parse", "quote.collateral", "tcb.status", "td.measurements", "binding.log", "verdict.token"];

function resultWith(faults = {}) {
  const checks = [...INDISPENSABLE, ...OTHERS].map((id) => ({ id, status: faults[id] ?? "pass", code: "some_code" }));
  const statuses = Object.values(faults);
  const outcome = statuses.includes("fail") ? "contraindicated" : statuses.length ? "warning" : "affirming";
  return { outcome, checks, opinions: [] };
}

const decideOn = (result, { enforcement = "warn", serviceOutcome = "affirming" } = {}) =>
  decide({ enforcement, result, serviceOutcome });

test("only what both affirm opens", () => {
  assert.equal(decideOn(resultWith(), { enforcement: "require" }), "open");
  for (const serviceOutcome of ["warning", "contraindicated", "none"]) {
    assert.equal(decideOn(resultWith(), { enforcement: "require", serviceOutcome }), "refuse");
    assert.equal(decideOn(resultWith(), { serviceOutcome }), "ask");
  }
});

test("no risk can be taken on lists that Intel did not sign, but on lists that are only old", () => {
  const withLists = (code) => {
    const result = resultWith({ "quote.collateral": "fail" });
    result.checks.find(({ id }) => id === "quote.collateral").code = code;
    return result;
  };
  assert.equal(decideOn(withLists("collateral_signature")), "refuse");
  assert.equal(decideOn(withLists("collateral_signer")), "refuse");
  assert.equal(decideOn(withLists("collateral_validity")), "ask");
});

for (const id of [...INDISPENSABLE, "binding.log"]) {
  for (const status of ["fail", "unknown"]) {
    test(`nobody may go on after ${id}: ${status}`, () => {
      const result = resultWith({ [id]: status });
      assert.equal(decideOn(result), "refuse");
      assert.equal(decideOn({ ...result, outcome: "affirming" }), "refuse");
    });
  }
}

for (const id of INDISPENSABLE) {
  test(`nobody may go on where ${id} was not reported at all`, () => {
    const { checks } = resultWith();
    assert.equal(mayBeRisked({ checks: checks.filter((check) => check.id !== id) }), false);
  });
}

for (const id of ["tcb.status", "td.measurements", "quote.collateral", "verdict.token"]) {
  test(`${id} may be risked where the policy warns, and nowhere else`, () => {
    assert.equal(decideOn(resultWith({ [id]: "fail" })), "ask");
    assert.equal(decideOn(resultWith({ [id]: "fail" }), { enforcement: "require" }), "refuse");
  });
}

test("the reason is the first failure, else the first check that could not be made", () => {
  assert.equal(
    refusalOf(resultWith({ "tcb.status": "unknown", "td.measurements": "fail" })).check.id,
    "td.measurements",
  );
  assert.equal(refusalOf(resultWith({ "tcb.status": "unknown" })).check.id, "tcb.status");
  assert.deepEqual(refusalOf(resultWith()), { code: "service_differs", check: null });
});

test("the worse outcome counts, whoever found it", () => {
  assert.equal(worseOutcome("affirming", "warning"), "warning");
  assert.equal(worseOutcome("none", "contraindicated"), "none");
});

test("only a proved session is ready, and only evidence judged here leads to one", () => {
  const leadingTo = (state) =>
    Object.entries(TRANSITIONS).flatMap(([from, events]) =>
      Object.entries(events).flatMap(([event, to]) => (to === state ? [`${from} ${event}`] : [])),
    );
  assert.deepEqual(leadingTo("ready"), ["requesting keep", "checking keep", "proving proved"]);
  assert.deepEqual(leadingTo("proving"), ["opening switched"]);
  assert.deepEqual(leadingTo("opening"), ["checking affirm", "deciding accept"]);
  assert.deepEqual(leadingTo("deciding"), ["checking doubt"]);
  assert.deepEqual(leadingTo("checking"), ["requesting answered"]);
});

test("a refused session is left by a new handshake alone", () => {
  assert.deepEqual(TRANSITIONS.refused, { renew: "requesting", connect: "connecting", lost: "refused" });
});

test("what is not in the table cannot happen", () => {
  const events = new Set(Object.values(TRANSITIONS).flatMap(Object.keys));
  for (const [state, known] of Object.entries(TRANSITIONS)) {
    for (const event of events) {
      if (event in known) assert.equal(nextState(state, event), known[event]);
      else assert.throws(() => nextState(state, event), TransitionError);
    }
  }
});

test("every state has its way out and is known to the badge", () => {
  for (const state of Object.keys(TRANSITIONS)) {
    assert.ok(Object.keys(TRANSITIONS[state]).length > 0);
    const { state: shown } = trustOf({ state, held: null, handshake: null, reason: { code: "timeout" } });
    assert.ok(["before", "checking", "warning", "failed", "unopened", "expired", "offline"].includes(shown), state);
  }
});

test("without something proved the badge is green in no state", () => {
  const result = { ...resultWith(), simulated: false, validUntil: null };
  const handshake = { result, verdict: { outcome: "affirming", verifier: {}, error: null }, isAffirmed: true };
  for (const state of Object.keys(TRANSITIONS)) {
    assert.notEqual(trustOf({ state, held: null, handshake, reason: null }).state, "verified");
  }
});

async function makeDoubtfulWorld() {
  const world = makeWorld({ enforcement: "warn" });
  world.server.outcome = "contraindicated";
  world.server.faults = { "tcb.status": ["fail", "tcb_refused"] };
  world.session.attest(A);
  await until(() => world.session.state === "deciding");
  return world;
}

test("where the policy warns, nothing opens before the user has accepted the risk", async () => {
  const world = await makeDoubtfulWorld();
  assert.equal(trustOf(world.session).state, "warning");
  assert.deepEqual(world.server.openings, []);
  await assert.rejects(world.session.ask({ type: "model.list" }), { code: "not_ready" });
});

test("an accepted risk is recorded, takes no history key along and is never green", async () => {
  const world = await makeDoubtfulWorld();
  await world.session.acceptRisk();
  await until(() => world.session.state === "ready");
  const [opening] = world.server.openings;
  assert.deepEqual([opening.accept_risk, opening.history_key, opening.outcome], [true, null, "contraindicated"]);
  assert.equal(trustOf(world.session).state, "warning");
  assert.equal(trustOf(world.session).isRisk, true);
  assert.equal(world.session.held.isStored, false);
});

test("the same risk is not asked about again in its conversation, a new one is", async () => {
  const world = await makeDoubtfulWorld();
  await world.session.acceptRisk();
  await until(() => world.session.state === "ready");
  world.session.attest();
  await until(() => world.server.openings.length === 2 && world.session.state === "ready");
  world.server.faults = { ...world.server.faults, "td.measurements": ["fail", "measurements_differ"] };
  world.session.attest();
  await until(() => world.session.state === "deciding");
  world.server.faults = { "tcb.status": ["fail", "tcb_refused"] };
  world.session.attest("22222222-2222-4222-8222-222222222222");
  await until(() => world.session.state === "deciding");
  assert.equal(world.server.openings.length, 2);
});

test("a question that is not answered in time lapses", async () => {
  const world = await makeDoubtfulWorld();
  world.page.isVisible = false;
  world.clock.advance(600_000);
  assert.equal(world.session.state, "stale");
  await assert.rejects(world.session.acceptRisk(), TransitionError);
});

test("a session.ready that claims a better outcome than was found ends the session", async () => {
  const world = await makeDoubtfulWorld();
  world.server.ready = { outcome: "affirming" };
  await world.session.acceptRisk();
  await until(() => world.session.state === "refused");
  assert.equal(world.session.reason.code, "session_mismatch");
});
