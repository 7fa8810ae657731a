import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { isAtLeastVersion, parseReleases, parseVersion } from "../../static/js/attestation/release.js";
import { MalformedError } from "../../static/js/crypto/errors.js";

const { publicKey, privateKey } = generateKeyPairSync("ed25519");
const key = new Uint8Array(Buffer.from(publicKey.export({ format: "jwk" }).x, "base64url"));
const zeros = "00".repeat(48);
const measured = {
  mr_td: zeros,
  mr_seam: zeros,
  rtmr0: zeros,
  rtmr1: zeros,
  rtmr2: zeros,
  rtmr3: null,
  xfam: "00".repeat(8),
  mr_config_id: zeros,
  mr_owner: zeros,
  mr_owner_config: zeros,
};
const good = {
  v: "confchat/1 release",
  version: "1.2.3",
  issued_at: 1,
  expires_at: 2,
  platform: "tdx",
  measurements: [measured],
  models: [{ name: "m", digest: `sha256:${"ab".repeat(32)}`, blobs: [`sha256:${"ef".repeat(32)}`] }],
  model_servers: [{ server: "ollama/0.12.3", binary: `sha256:${"ab".repeat(32)}`, settings: ["OLLAMA_DEBUG=0"] }],
  files: { "static/js/main.js": "cd".repeat(32) },
  events: ["agent.example/guest started 1.2.3"],
};

function published(members, { label = "confchat/1 release\0", by = privateKey } = {}) {
  const manifest = Buffer.from(typeof members === "string" ? members : JSON.stringify(members));
  const signature = sign(null, Buffer.concat([Buffer.from(label), manifest]), by);
  return { manifest: manifest.toString("base64url"), signature: signature.toString("base64url") };
}

async function parsed(pair) {
  const [release] = await parseReleases([pair], key);
  return release;
}

test("a signed manifest is read whole, and its digest is that of its bytes", async () => {
  const release = await parsed(published(good));
  const digest = createHash("sha256").update(JSON.stringify(good)).digest();
  assert.deepEqual(release.digest, new Uint8Array(digest));
  assert.deepEqual([release.version, release.platform, release.issuedAt, release.expiresAt], ["1.2.3", "tdx", 1, 2]);
  assert.deepEqual(release.models, good.models);
  assert.equal(release.measurements[0].rtmr3, null);
  assert.equal(release.measurements[0].mrTd.length, 48);
  assert.equal(release.files.size, 1);
  assert.deepEqual([release.modelServers, release.events], [good.model_servers, good.events]);
  assert.equal(release.isRefused, undefined);
});

test("what the release key did not sign is refused, and keeps its digest", async () => {
  const other = generateKeyPairSync("ed25519").privateKey;
  const pairs = [published(good, { by: other }), published(good, { label: "confchat/1 deployment\0" })];
  pairs.push({ ...published(good), signature: published({ ...good, issued_at: 0 }).signature });
  pairs.push({ ...published(good), signature: "" }, { ...published(good), signature: "AAAA" });
  for (const pair of pairs) {
    const release = await parsed(pair);
    assert.deepEqual(Object.keys(release).sort(), ["digest", "isRefused"]);
    assert.equal(release.digest.length, 32);
  }
  for (const wrong of [new Uint8Array(32), new Uint8Array(31)]) {
    assert.equal((await parseReleases([published(good)], wrong))[0].isRefused, true);
  }
});

test("what is no pair of base64url is refused, and the others are read", async () => {
  const pairs = [null, 1, [], {}, { manifest: "=", signature: "" }, { manifest: "AAAA" }, published(good)];
  const releases = await parseReleases(pairs, key);
  assert.deepEqual(
    releases.map(({ isRefused = false }) => isRefused),
    [true, true, true, true, true, true, false],
  );
});

const model = good.models[0];
for (const [name, members] of Object.entries({
  "another version of the form": { ...good, v: "confchat/2 release" },
  "a version that does not compare": { ...good, version: "1.2" },
  "an unknown platform": { ...good, platform: "sev" },
  "times as text": { ...good, issued_at: "1" },
  "an unknown member": { ...good, extra: 1 },
  "a missing member": { ...good, files: undefined },
  "measurements that are no list": { ...good, measurements: measured },
  "a short measurement": { ...good, measurements: [{ ...measured, mr_td: "00" }] },
  "a measurement in upper case": { ...good, measurements: [{ ...measured, mr_td: "AB".repeat(48) }] },
  "a measurement of null": { ...good, measurements: [{ ...measured, rtmr2: null }] },
  "a measurement missing": { ...good, measurements: [{ ...measured, xfam: undefined }] },
  "a model without its digest": { ...good, models: [{ name: "m" }] },
  "a model's digest without a prefix": { ...good, models: [{ ...model, digest: "ab".repeat(32) }] },
  "a file's digest that is short": { ...good, files: { a: "cd" } },
  "files as a list": { ...good, files: [] },
  "a duplicate member": JSON.stringify(good).replace('"v":', '"v":"confchat/1 release","v":'),
  "no JSON": "{",
})) {
  test(`a signed manifest with ${name} is refused`, async () => {
    assert.equal((await parsed(published(members))).isRefused, true);
  });
}

test("versions are three numbers and compare as numbers", () => {
  assert.deepEqual(parseVersion("10.0.200"), [10, 0, 200]);
  for (const [version, floor, isEnough] of [
    ["1.2.3", "1.2.3", true],
    ["1.10.0", "1.9.9", true],
    ["2.0.0", "1.99.99", true],
    ["1.9.9", "1.10.0", false],
    ["1.2.2", "1.2.3", false],
    ["0.9.9", "1.0.0", false],
  ]) {
    assert.equal(isAtLeastVersion(version, floor), isEnough);
  }
  for (const text of [
    "1",
    "1.2",
    "1.2.3.4",
    "v1.2.3",
    "1.2.03",
    "1.2.3-rc",
    "1.2.3\n",
    " 1.2.3",
    "1.2.1234567890",
    "",
    "١.2.3",
  ]) {
    assert.throws(() => parseVersion(text), MalformedError);
  }
});
