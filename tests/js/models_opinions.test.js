import assert from "node:assert/strict";
import { test } from "node:test";
import { disputeOf, serviceOf } from "../../static/js/models/opinions.js";

const VERIFIER = { kind: "trustee", url: "https://as.example", issuer: "claimed", jwks: {} };

/** A handshake that was appraised: `token` is the status and code of its last check, null where it was left out. */
function appraised({ token = ["pass", ""], chain = ["pass", ""], mine, server, error = null } = {}) {
  const check = (id, [status, code]) => ({ id, status, code, detail: "", params: {} });
  const checks = [check("quote.chain", chain), ...(token ? [check("verdict.token", token)] : [])];
  const isGood = checks.every(({ status }) => status === "pass");
  const outcome = mine ?? (isGood ? "affirming" : "contraindicated");
  return { result: { outcome, checks }, verdict: { outcome: server ?? outcome, verifier: VERIFIER, error } };
}

for (const [token, error, said, isVerified] of [
  [["pass", ""], null, "affirms", true],
  [["fail", "token_claims"], null, "refuses", true],
  [["fail", "token_missing"], { code: "service_refused" }, "refuses", false],
  [["fail", "token_missing"], { code: "service_timeout" }, "unavailable", false],
  [["fail", "token_missing"], null, "unavailable", false],
  [["fail", "token_signature"], null, "not_genuine", false],
  [["fail", "token_time"], { code: "service_lying" }, "not_genuine", false],
  [["unknown", "not_checked"], null, "unread", false],
  [null, null, "unpinned", false],
]) {
  test(`a service whose token is ${token} and whose error is ${error?.code} is told as ${said}`, () => {
    const service = serviceOf(appraised({ token, error }));
    assert.deepEqual([service.said, service.isVerified], [said, isVerified]);
  });
}

test("the server's word that its service affirms does not stand in for the token", () => {
  const handshake = appraised({ token: ["fail", "token_missing"], server: "affirming" });
  assert.equal(serviceOf(handshake).said, "unavailable");
  assert.equal(disputeOf(handshake), "server");
});

test("a server that finds otherwise than this browser is a dispute, whichever is better", () => {
  assert.equal(disputeOf(appraised({ server: "contraindicated" })), "server");
  assert.equal(disputeOf(appraised({ chain: ["fail", "chain_root"], server: "affirming" })), "server");
});

test("a service that alone does not affirm is a dispute, one that cannot be reached is none", () => {
  assert.equal(disputeOf(appraised({ token: ["fail", "token_claims"] })), "service");
  assert.equal(disputeOf(appraised({ token: ["fail", "token_signature"] })), "service");
  assert.equal(disputeOf(appraised({ token: ["fail", "token_missing"] })), null);
});

test("where all agree, good or bad, there is no dispute", () => {
  assert.equal(disputeOf(appraised()), null);
  assert.equal(disputeOf(appraised({ chain: ["fail", "chain_root"], token: ["fail", "token_claims"] })), null);
});
