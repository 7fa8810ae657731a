import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { INTEL_ROOT_SHA256, isLoopback, parsePolicy, policyFrom } from "../../static/js/attestation/policy.js";
import { MalformedError } from "../../static/js/crypto/errors.js";

const ROOT = "ab".repeat(32);
const token = {
  name: "embedded",
  form: "ear",
  issuer: "service",
  audience: null,
  algorithm: "ES256",
  keys: [{ kty: "EC" }],
  root_sha256: ["cd".repeat(32)],
  policies: [],
  max_lifetime_s: 3600,
};
const trust = { simulator_root_sha256: ROOT, release_key: "A".repeat(43), tokens: [token], gpu_keys: [] };
const members = await readPolicy("strict");
const config = { policy: members, development: true, trust };

async function readPolicy(name) {
  return JSON.parse(await readFile(new URL(`../../attestation/policies/${name}.json`, import.meta.url), "utf8"));
}

test("a policy is made of the page's configuration", () => {
  const policy = policyFrom({ ...config, policy: { ...members, platform_ids: ["cd".repeat(16)] } });
  assert.equal(policy.enforcement, "require");
  assert.deepEqual(policy.rootSha256, [INTEL_ROOT_SHA256]);
  assert.equal(policy.simulatorRootSha256[0], 0xab);
  assert.deepEqual(policy.acceptedTcbStatuses, ["UpToDate"]);
  assert.equal(policy.mrSignerSeams[0].length, 48);
  assert.equal(policy.platformIds[0][15], 0xcd);
  assert.equal(policy.mrSeams, null);
  assert.equal(policy.releaseKey.length, 32);
  const [issuer] = policy.tokenIssuers;
  assert.deepEqual([issuer.name, issuer.form, issuer.issuer, issuer.audience], ["embedded", "ear", "service", null]);
  assert.deepEqual([issuer.keys, issuer.rootSha256[0][0]], [token.keys, 0xcd]);
  assert.deepEqual([issuer.maxLifetimeS, issuer.leewayS], [3600, 120]);
  assert.deepEqual([policy.maxLifetimeS, policy.clockSkewS], [600, 120]);
});

for (const name of ["strict", "cloud", "alibaba", "development"]) {
  test(`the policy ${name} that comes with the product is one`, async () => {
    assert.equal(parsePolicy(await readPolicy(name)).id, name);
  });
}

test("a simulator's root counts for nothing unless the page was started for development", () => {
  assert.equal(policyFrom({ ...config, development: false }).simulatorRootSha256, null);
  assert.equal(policyFrom({ ...config, trust: { ...trust, simulator_root_sha256: null } }).simulatorRootSha256, null);
});

test("no issuer pinned leaves the token out", () => {
  assert.deepEqual(policyFrom({ ...config, trust: { ...trust, tokens: [] } }).tokenIssuers, []);
});

test("nothing has a default", () => {
  for (const name of Object.keys(config)) {
    assert.throws(() => policyFrom({ ...config, [name]: undefined }), MalformedError, name);
  }
  for (const name of Object.keys(members)) {
    const lacking = Object.fromEntries(Object.entries(members).filter(([each]) => each !== name));
    assert.throws(() => parsePolicy(lacking), MalformedError, name);
  }
  for (const name of Object.keys(trust)) {
    assert.throws(() => policyFrom({ ...config, trust: { ...trust, [name]: undefined } }), MalformedError, name);
  }
  for (const name of Object.keys(token)) {
    const broken = { ...token, [name]: undefined };
    assert.throws(() => policyFrom({ ...config, trust: { ...trust, tokens: [broken] } }), MalformedError, name);
  }
});

test("what is of another form is refused", () => {
  assert.throws(() => policyFrom({ ...config, development: "yes" }), MalformedError);
  assert.throws(() => parsePolicy({ ...members, more: 1 }), MalformedError);
  for (const [name, value] of Object.entries({ simulator_root_sha256: "ab", release_key: "AAAA", tokens: {} })) {
    assert.throws(() => policyFrom({ ...config, trust: { ...trust, [name]: value } }), MalformedError, name);
  }
  const wrong = {
    v: "confchat/2 policy",
    enforcement: "off",
    accepted_tcb_statuses: "UpToDate",
    out_of_date_grace_days: -1,
    accepted_advisories: [1],
    advisory_grace_days: 1001,
    min_tcb_evaluation_data_number: "17",
    allowed_td_attributes: "00",
    mr_seams: ["cd"],
    platform_ids: ["cd".repeat(48)],
    min_release_version: "latest",
    release_platforms: ["sgx"],
    release_measurements: ["mr_td", "rtmr1", "rtmr2"],
    workload: "no",
    gpu: "no",
    quorum: "most",
    max_lifetime_s: 601,
    clock_skew_s: 121,
  };
  for (const [name, value] of Object.entries(wrong)) {
    assert.throws(() => parsePolicy({ ...members, [name]: value }), MalformedError, name);
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
