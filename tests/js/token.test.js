import assert from "node:assert/strict";
import { createHmac, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { AppraisalError } from "../../static/js/attestation/errors.js";
import { verifyToken } from "../../static/js/attestation/token.js";

const NOW = new Date(1790000000_000);
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const other = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const jwkOf = ({ publicKey }) => publicKey.export({ format: "jwk" });
const issuer = {
  issuer: "service",
  audience: "page",
  algorithm: "ES256",
  keys: [jwkOf(ec)],
  rootSha256: [],
  maxLifetimeS: 3600,
  leewayS: 120,
};
const CLAIMS = { iss: "service", aud: "page", iat: 1790000000, nbf: 1790000000, exp: 1790000300, extra: [1] };

const b64 = (data) => Buffer.from(data).toString("base64url");
const part = (value) => b64(typeof value === "string" ? value : JSON.stringify(value));

function tokenOf({ header = {}, claims = {}, key = ec.privateKey, hash = "sha256", encoding = "ieee-p1363" } = {}) {
  const body = typeof claims === "string" ? claims : { ...CLAIMS, ...claims };
  const head = typeof header === "string" ? header : { typ: "JWT", alg: "ES256", ...header };
  const signed = `${part(head)}.${part(body)}`;
  return `${signed}.${b64(sign(hash, signed, { key, dsaEncoding: encoding }))}`;
}

async function refused(token, code, changes = {}) {
  await assert.rejects(
    verifyToken(token, { ...issuer, ...changes }, NOW),
    (error) => error instanceof AppraisalError && error.code === code,
  );
}

test("a genuine token gives its claims", async () => {
  assert.deepEqual(await verifyToken(tokenOf(), issuer, NOW), CLAIMS);
  assert.deepEqual((await verifyToken(tokenOf({ claims: { aud: ["x", "page"] } }), issuer, NOW)).aud, ["x", "page"]);
});

for (const [algorithm, hash] of [
  ["RS256", "sha256"],
  ["RS384", "sha384"],
]) {
  test(`${algorithm} is verified with a pinned RSA key`, async () => {
    const pinned = { algorithm, keys: [jwkOf(other), jwkOf(rsa)] };
    const token = tokenOf({ header: { alg: algorithm }, key: rsa.privateKey, hash });
    assert.deepEqual(await verifyToken(token, { ...issuer, ...pinned }, NOW), CLAIMS);
    await refused(
      tokenOf({ header: { alg: algorithm }, key: rsa.privateKey, hash: "sha512" }),
      "token_signature",
      pinned,
    );
    await refused(token, "token_algorithm");
  });
}

test("a pinned key may be padded", async () => {
  const { x, y, ...rest } = issuer.keys[0];
  const keys = [{ ...rest, x: `${x}=`, y: `${y}=`, use: "sig", kid: "1" }];
  await verifyToken(tokenOf(), { ...issuer, keys }, NOW);
});

test("what is no compact JWS is malformed", async () => {
  const good = tokenOf();
  const [head, body, signature] = good.split(".");
  for (const token of [
    "",
    "a",
    "..",
    `${head}.${body}`,
    `${good}.`,
    `${good}.${signature}`,
    `${head}.${body}.${signature}=`,
    ` ${good}`,
    `${good}\n`,
    `${part("[]")}.${body}.${signature}`,
    `${part("{")}.${body}.${signature}`,
    `${head}.${part("null")}.${signature}`,
    `${head}.${part('{"iss":"a","iss":"service"}')}.${signature}`,
    `${head}.${part('{"exp":1.5}')}.${signature}`,
    `${part("x".repeat(200_000))}.${body}.${signature}`,
  ]) {
    await refused(token, "token_malformed");
  }
});

test("the pinned algorithm alone counts", async () => {
  const [, body] = tokenOf().split(".");
  const none = `${part({ alg: "none" })}.${body}.`;
  await refused(none, "token_algorithm");
  for (const alg of ["ES384", "es256", "HS256", null, 1])
    await refused(tokenOf({ header: { alg } }), "token_algorithm");
  await refused(tokenOf({ header: "{}" }), "token_algorithm");
  await refused(tokenOf({ header: { crit: ["b64"], b64: false } }), "token_algorithm");
  await refused(tokenOf({ header: { alg: "HS256" } }), "token_signature", { algorithm: "HS256" });
  await refused(tokenOf({ header: { alg: "toString" } }), "token_signature", { algorithm: "toString" });
});

test("the public key is no HMAC secret", async () => {
  const signed = `${part({ alg: "HS256" })}.${part(CLAIMS)}`;
  const secret = createPublicKey(ec.publicKey.export({ format: "pem", type: "spki" })).export({
    format: "pem",
    type: "spki",
  });
  await refused(`${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`, "token_algorithm");
});

test("only the pinned key signs, whatever the header names", async () => {
  const jwk = jwkOf(other);
  const headers = [{}, { jwk }, { jku: "https://evil.example/jwks" }, { kid: "1" }, { x5c: ["MIIB"] }, { x5u: "x" }];
  for (const header of headers) await refused(tokenOf({ header, key: other.privateKey }), "token_signature");
  await verifyToken(tokenOf({ header: { jwk, kid: "unknown" } }), issuer, NOW);
});

test("a changed, cut, absent or differently encoded signature does not verify", async () => {
  const good = tokenOf();
  const at = good.lastIndexOf(".") + 1;
  await refused(good.slice(0, at), "token_signature");
  await refused(`${good.slice(0, at)}${"A".repeat(86)}`, "token_signature");
  await refused(`${good.slice(0, at)}${b64(Buffer.from(good.slice(at), "base64url").subarray(1))}`, "token_signature");
  await refused(tokenOf({ encoding: "der" }), "token_signature");
  const [head, , signature] = good.split(".");
  await refused(`${head}.${part({ ...CLAIMS, sub: "x" })}.${signature}`, "token_signature");
});

test("a pinned key that cannot be used verifies nothing", async () => {
  const keys = [{}, { kty: "EC" }, { ...issuer.keys[0], x: "AA" }, { ...issuer.keys[0], crv: "P-384" }, jwkOf(rsa)];
  for (const key of keys) await refused(tokenOf(), "token_signature", { keys: [key] });
  const small = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const token = tokenOf({ header: { alg: "RS256" }, key: small.privateKey });
  await refused(token, "token_signature", { algorithm: "RS256", keys: [jwkOf(small)] });
});

test("issuer and audience are the pinned ones", async () => {
  for (const iss of ["other", "", null, ["service"]]) await refused(tokenOf({ claims: { iss } }), "token_issuer");
  for (const aud of ["other", [], ["other"], null, [["page"]], { page: 1 }, undefined]) {
    await refused(tokenOf({ claims: { aud } }), "token_audience");
  }
});

test("a token holds for at most an hour, and now", async () => {
  const { iat } = CLAIMS;
  const late = [
    { iat: iat - 500, nbf: iat - 500, exp: iat - 121 },
    { iat: iat + 121, exp: iat + 300 },
    { nbf: iat + 121 },
  ];
  const wrong = [
    { exp: iat },
    { exp: iat - 1 },
    { exp: iat + 3601 },
    { exp: `${iat + 300}` },
    { exp: null },
    { iat: null },
  ];
  const absent = [{ iat: undefined }, { exp: undefined }, { nbf: null }, { nbf: "0" }];
  for (const claims of [...late, ...wrong, ...absent]) await refused(tokenOf({ claims }), "token_time");
  const edges = [
    { iat: iat - 400, nbf: iat - 400, exp: iat - 120 },
    { iat: iat + 120, nbf: undefined, exp: iat + 3720 },
  ];
  for (const claims of edges) await verifyToken(tokenOf({ claims }), issuer, NOW);
});
