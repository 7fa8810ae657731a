import assert from "node:assert/strict";
import { test } from "node:test";
import { disagreementWords } from "../../static/js/lib/service_words.js";
import { disputeOf, servicesOf } from "../../static/js/models/opinions.js";

/** What a server passes on: `error` null is an answer. */
function entry(name, error = null) {
  const verifier = { kind: "trustee", name, url: `https://${name}.example`, issuer: "claimed", jwks: {} };
  return { verifier, token: error ? null : "a.b.c", error: error && { code: error } };
}

/** A handshake that was appraised: `codes` by service, empty where it affirms; null where no key is pinned. */
function appraised({ codes = { own: "" }, errors = {}, chain = "", quorum = "all", mine, server } = {}) {
  const names = Object.keys(codes ?? { own: "" });
  const opinions = Object.entries(codes ?? {}).map(([name, code], place) => ({
    issuer: { name, issuer: `urn:${name}` },
    code,
    detail: code,
    answer: code === "token_missing" ? null : place,
  }));
  const against = opinions.filter(({ code }) => code);
  const isEnough = !against.length || (quorum === "any" && against.length < opinions.length);
  const token = codes && {
    id: "verdict.token",
    status: isEnough ? "pass" : "fail",
    code: isEnough ? "" : "token_claims",
  };
  const checks = [{ id: "quote.chain", status: chain ? "fail" : "pass", code: chain }, ...(token ? [token] : [])];
  const outcome = mine ?? (checks.every(({ status }) => status === "pass") ? "affirming" : "contraindicated");
  const [first, ...others] = names.map((name) => entry(name, errors[name]));
  const verdict = { outcome: server ?? outcome, ...first, ...(others.length ? { others } : {}) };
  return { result: { outcome, checks, opinions }, verdict };
}

for (const [code, error, said, isVerified] of [
  ["", null, "affirms", true],
  ["token_claims", null, "refuses", true],
  ["token_missing", "service_refused", "refuses", false],
  ["token_missing", "service_timeout", "unavailable", false],
  ["token_missing", null, "unavailable", false],
  ["token_signature", null, "not_genuine", false],
  ["token_time", "service_lying", "not_genuine", false],
  ["not_checked", null, "unread", true],
]) {
  test(`a service whose token is judged ${code || "good"} and whose error is ${error} is told as ${said}`, () => {
    const [service] = servicesOf(appraised({ codes: { own: code }, errors: { own: error } }));
    assert.deepEqual([service.said, service.isVerified, service.name], [said, isVerified, "own"]);
  });
}

test("where no key is pinned, each service is named and counts for nothing", () => {
  const services = servicesOf(appraised({ codes: null }));
  assert.deepEqual(
    services.map(({ said, isVerified, issuer }) => [said, isVerified, issuer]),
    [["unpinned", false, "claimed"]],
  );
});

test("several services stand side by side, each with its own answer and error", () => {
  const codes = { own: "", alibaba: "token_missing", intel: "token_claims" };
  const services = servicesOf(appraised({ codes, errors: { alibaba: "service_timeout" } }));
  assert.deepEqual(
    services.map(({ name, said, error, url }) => [name, said, error, url]),
    [
      ["own", "affirms", "", "https://own.example"],
      ["alibaba", "unavailable", "service_timeout", "https://alibaba.example"],
      ["intel", "refuses", "", "https://intel.example"],
    ],
  );
});

test("the server's word that its service affirms does not stand in for the token", () => {
  const handshake = appraised({ codes: { own: "token_missing" }, server: "affirming" });
  assert.equal(servicesOf(handshake)[0].said, "unavailable");
  assert.equal(disputeOf(handshake), "server");
});

test("a server that finds otherwise than this browser is a dispute, whichever is better", () => {
  assert.equal(disputeOf(appraised({ server: "contraindicated" })), "server");
  assert.equal(disputeOf(appraised({ chain: "chain_root", server: "affirming" })), "server");
});

test("a service that alone does not affirm is a dispute, one that cannot be reached is none", () => {
  assert.equal(disputeOf(appraised({ codes: { own: "token_claims" } })), "service");
  assert.equal(disputeOf(appraised({ codes: { own: "token_signature" } })), "service");
  assert.equal(disputeOf(appraised({ codes: { own: "token_missing" } })), null);
});

test("services that do not agree are a dispute, even where one of them is enough, and it is the headline", () => {
  const handshake = appraised({ codes: { own: "", intel: "token_claims" }, quorum: "any" });
  assert.equal(handshake.result.outcome, "affirming");
  assert.equal(disputeOf(handshake), "service");
  const headline = disagreementWords(servicesOf(handshake));
  assert.match(headline, /^The attestation services do not agree\. Affirmed by: own\. Not affirmed by: intel\./);
});

test("where all agree, good or bad, there is no dispute", () => {
  assert.equal(disputeOf(appraised()), null);
  assert.equal(disputeOf(appraised({ codes: { own: "", intel: "" } })), null);
  assert.equal(disputeOf(appraised({ chain: "chain_root", codes: { own: "token_claims" } })), null);
});
