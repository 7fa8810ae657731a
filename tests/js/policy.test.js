import assert from "node:assert/strict";
import { test } from "node:test";
import { INTEL_ROOT_SHA256, isLoopback, policyFrom } from "../../static/js/attestation/policy.js";
import { MalformedError } from "../../static/js/crypto/errors.js";

const ROOT = "ab".repeat(32);
const token = { issuer: "service", audience: "page", algorithm: "ES256", key: { kty: "EC" } };
const trust = {
  simulator_root_sha256: ROOT,
  release_key: "A".repeat(43),
  min_release_version: "0.1.0",
  min_tcb_evaluation_data_number: 17,
  accepted_tcb_statuses: ["UpToDate"],
  refused_advisories: [],
  service_tds: ["cd".repeat(48)],
  token,
};
const config = { policy: "require", development: true, trust };

test("a policy is made of the page's configuration", () => {
  const policy = policyFrom(config);
  assert.equal(policy.enforcement, "require");
  assert.deepEqual(policy.rootSha256, [INTEL_ROOT_SHA256]);
  assert.equal(policy.simulatorRootSha256[0], 0xab);
  assert.deepEqual(policy.acceptedTcbStatuses, ["UpToDate"]);
  assert.equal(policy.serviceTds[0].length, 48);
  assert.equal(policy.releaseKey.length, 32);
  assert.deepEqual(policy.tokenIssuer, { ...token, leewayS: 120 });
  assert.deepEqual([policy.maxLifetimeS, policy.clockSkewS], [600, 120]);
});

test("a simulator's root counts for nothing unless the page was started for development", () => {
  assert.equal(policyFrom({ ...config, development: false }).simulatorRootSha256, null);
  assert.equal(policyFrom({ ...config, trust: { ...trust, simulator_root_sha256: null } }).simulatorRootSha256, null);
});

test("no issuer pinned leaves the token out", () => {
  assert.equal(policyFrom({ ...config, trust: { ...trust, token: null } }).tokenIssuer, null);
});

test("nothing has a default", () => {
  for (const name of Object.keys(config)) {
    assert.throws(() => policyFrom({ ...config, [name]: undefined }), MalformedError, name);
  }
  for (const name of Object.keys(trust)) {
    assert.throws(() => policyFrom({ ...config, trust: { ...trust, [name]: undefined } }), MalformedError, name);
  }
  for (const name of Object.keys(token)) {
    const broken = { ...token, [name]: undefined };
    assert.throws(() => policyFrom({ ...config, trust: { ...trust, token: broken } }), MalformedError, name);
  }
});

test("what is of another form is refused", () => {
  assert.throws(() => policyFrom({ ...config, policy: "off" }), MalformedError);
  assert.throws(() => policyFrom({ ...config, development: "yes" }), MalformedError);
  const wrong = {
    simulator_root_sha256: "ab",
    release_key: "AAAA",
    min_release_version: "latest",
    min_tcb_evaluation_data_number: "17",
    accepted_tcb_statuses: "UpToDate",
    refused_advisories: [1],
    service_tds: ["cd"],
    token: [],
  };
  for (const [name, value] of Object.entries(wrong)) {
    assert.throws(() => policyFrom({ ...config, trust: { ...trust, [name]: value } }), MalformedError, name);
  }
});

for (const host of ["localhost", "127.0.0.1", "127.0.0.0", "127.255.255.255", "127.1.2.3", "[::1]"]) {
  test(`${host} is this computer`, () => assert.equal(isLoopback(host), true));
}

for (const host of [
  "",
  "LOCALHOST",
  "localhost.",
  "localhost.example",
  "a.localhost",
  "example",
  "127.0.0.1.example",
  "127.0.0.256",
  "127.0.0",
  "127.0.0.1.1",
  "127.0.0.01",
  "128.0.0.1",
  "0.0.0.0",
  "::1",
  "[::2]",
  "[::ffff:127.0.0.1]",
  "localhost:8000",
  "127.0.0.1\n",
  undefined,
]) {
  test(`${JSON.stringify(host)} is not this computer`, () => assert.equal(isLoopback(host), false));
}
