import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { deploymentMessage, parseStatement, reportData } from "../../static/js/attestation/statement.js";
import { b64decode, unhex, utf8 } from "../../static/js/crypto/encoding.js";
import { MalformedError } from "../../static/js/crypto/errors.js";

const cases = JSON.parse(await readFile(new URL("../cases/statement.json", import.meta.url), "utf8"));

function textOf({ set = {}, remove = [], replace, append = "" }) {
  const members = structuredClone(cases.base);
  const slot = (path) => {
    const [name, inner] = path.split(".");
    return inner === undefined ? [members, name] : [members[name], inner];
  };
  for (const [path, value] of Object.entries(set)) {
    const [owner, name] = slot(path);
    Object.defineProperty(owner, name, { value, enumerable: true, configurable: true, writable: true });
  }
  for (const path of remove) {
    const [owner, name] = slot(path);
    delete owner[name];
  }
  const text = JSON.stringify(members);
  return (replace ? text.replace(...replace) : text) + append;
}

for (const each of cases.good) {
  test(`a statement with ${each.name} is read`, () => parseStatement(utf8(textOf(each))));
}

for (const each of cases.bad) {
  test(`a statement with ${each.name} is refused`, () => {
    assert.throws(() => parseStatement(utf8(textOf(each))), MalformedError);
  });
}

test("every member is read", () => {
  const { base } = cases;
  const statement = parseStatement(utf8(textOf({})));
  assert.deepEqual(statement, {
    nonce: b64decode(base.nonce),
    conversation: base.conversation,
    origin: base.origin,
    issuedAt: 1790000000,
    expiresAt: 1790000600,
    instance: unhex(base.instance),
    kemSuite: "X25519",
    kemKeySha256: unhex(base.kem.key_sha256),
    modelName: "smollm2:135m",
    modelDigest: base.model.digest,
    modelBackend: "ollama/0.12.3",
    releaseVersion: "0.1.0",
    releaseDigest: unhex(base.release.digest.slice(7)),
    policy: "require",
    modelEndpoint: "loopback",
    development: false,
    logOrigin: base.log.origin,
    logSize: 0,
    logRoot: b64decode(base.log.root),
    gpu: null,
  });
});

test("report data and the deployment's message are made of the exact bytes", async () => {
  const bytes = utf8(textOf({}) + "  ");
  const expected = createHash("sha512").update("confchat/1 report-data\0").update(bytes).digest();
  assert.deepEqual(await reportData(bytes), new Uint8Array(expected));
  assert.deepEqual(deploymentMessage(bytes), utf8(`confchat/1 deployment\0${textOf({})}  `));
});
