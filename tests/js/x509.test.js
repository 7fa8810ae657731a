import assert from "node:assert/strict";
import { test } from "node:test";
import { splitPem } from "../../static/js/attestation/pem.js";
import { parsePckExtension } from "../../static/js/attestation/pck.js";
import { PCK_CHAIN, checkChainDates, parseChain, verifyChain, verifyCrl } from "../../static/js/attestation/pki.js";
import { INTEL_ROOT_SHA256 } from "../../static/js/attestation/policy.js";
import { parseQuote } from "../../static/js/attestation/quote.js";
import { parseCertificate, parseCrl } from "../../static/js/attestation/x509.js";
import { AppraisalError } from "../../static/js/attestation/errors.js";
import { hex, unhex } from "../../static/js/crypto/encoding.js";
import { MalformedError } from "../../static/js/crypto/errors.js";
import { ABSENT, bytesOf, collateralOf, dersOf, vectors } from "./vectors.js";

const skip = ABSENT;
const root = ABSENT ? null : bytesOf("intel-sgx-root-ca.der");
const pem = ABSENT ? "" : String.fromCharCode(...parseQuote(bytesOf("v4-phala-b0c06f.quote.bin")).pckChain);
const collateral = ABSENT ? null : collateralOf("collateral-b0c06f000000-platform-2025-06-19.json");

test("Intel's root is the one whose hash is compiled in", { skip }, async () => {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", root));
  assert.deepEqual(digest, INTEL_ROOT_SHA256);
  const certificate = await parseCertificate(root);
  assert.equal(certificate.commonName, "Intel SGX Root CA");
  assert.deepEqual([certificate.isCa, certificate.signsCertificates, certificate.signsCrls], [true, true, true]);
  assert.equal(certificate.notAfter.toISOString(), "2049-12-31T23:59:59.000Z");
});

for (const vector of vectors) {
  test(`the chain of ${vector.name} leads to Intel, and its platform is read`, async () => {
    const chain = await parseChain(String.fromCharCode(...parseQuote(bytesOf(vector.file)).pckChain), PCK_CHAIN);
    await verifyChain(chain, PCK_CHAIN, INTEL_ROOT_SHA256);
    assert.equal(chain[0].notBefore.getTime(), Date.parse(vector.pck_not_before));
    assert.equal(chain[0].notAfter.getTime(), Date.parse(vector.pck_not_after));
    const end = Math.min(...chain.map(({ notAfter }) => notAfter));
    checkChainDates(chain, new Date(end));
    assert.throws(() => checkChainDates(chain, new Date(end + 1000)), AppraisalError);
    const pck = parsePckExtension(chain[0].sgxExtension);
    assert.equal(hex(pck.fmspc), vector.fmspc.toLowerCase());
    assert.deepEqual([pck.sgxType, pck.pceSvn], [vector.sgx_type, vector.pce_svn]);
  });
}

test("every truncation and appended byte of a certificate or CRL is refused", { skip }, async () => {
  const crl = unhex(collateral.pck_crl);
  for (const der of dersOf(pem)) {
    for (let size = 0; size < der.length; size += 3) {
      await assert.rejects(parseCertificate(der.subarray(0, size)), MalformedError);
    }
    await assert.rejects(parseCertificate(new Uint8Array([...der, 0])), MalformedError);
  }
  for (let size = 0; size < crl.length; size += 7) assert.throws(() => parseCrl(crl.subarray(0, size)), MalformedError);
  assert.throws(() => parseCrl(new Uint8Array([...crl, 0])), MalformedError);
});

test("no flipped byte of a chain verifies, and none raises anything else", { skip }, async () => {
  const ders = dersOf(pem);
  const issuers = await Promise.all(ders.map(parseCertificate));
  for (let at = 0; at < ders[0].length; at += 5) {
    const changed = ders[0].slice();
    changed[at] ^= 1 << (at % 8);
    await assert.rejects(
      parseCertificate(changed).then((leaf) => verifyChain([leaf, ...issuers.slice(1)], PCK_CHAIN, INTEL_ROOT_SHA256)),
      (error) => error instanceof MalformedError || error instanceof AppraisalError,
    );
  }
});

test("no flipped byte of a CRL verifies", { skip }, async () => {
  const crl = unhex(collateral.root_ca_crl);
  const issuer = await parseCertificate(root);
  assert.equal((await verifyCrl(crl, issuer)).nextUpdate > new Date(0), true);
  for (let at = 0; at < crl.length; at += 3) {
    const changed = crl.slice();
    changed[at] ^= 1 << (at % 8);
    await assert.rejects(verifyCrl(changed, issuer), (error) => /^crl_(malformed|signature)$/.test(error.code));
  }
});

test("a CRL of another authority, or a certificate in its place, is refused", { skip }, async () => {
  const issuer = await parseCertificate(root);
  await assert.rejects(verifyCrl(unhex(collateral.pck_crl), issuer), { code: "crl_signature" });
  await assert.rejects(verifyCrl(root, issuer), { code: "crl_malformed" });
  await assert.rejects(parseCertificate(unhex(collateral.root_ca_crl)), MalformedError);
});

test("PEM leaves nothing over", { skip }, async () => {
  assert.deepEqual(splitPem(pem), dersOf(pem));
  assert.deepEqual(splitPem(pem.replaceAll("\n", "\r\n")), dersOf(pem));
  const spoiled = [
    ` ${pem}`,
    `${pem} `,
    `${pem}\n\n`,
    `${pem}x`,
    `\n${pem}`,
    pem.replace("-----END CERTIFICATE-----", "-----END CERTIFICATE----"),
    pem.replaceAll("CERTIFICATE", "X509 CRL"),
    pem.replace("-----BEGIN", "----BEGIN"),
    pem.replace("MII", "MI I"),
    pem.replace("MII", "MII\u00e9"),
    pem.replace("=\n-----END", "\n-----END"),
    pem.replace("\n", "\nProc-Type: 4,ENCRYPTED\n\n"),
  ];
  for (const text of spoiled.filter((each) => each !== pem)) assert.throws(() => splitPem(text), MalformedError);
  assert.deepEqual(splitPem(""), []);
  await assert.rejects(parseChain("", PCK_CHAIN), MalformedError);
  await assert.rejects(parseChain(pem + pem, PCK_CHAIN), MalformedError);
});

test("the SGX extension is read whole or refused", { skip }, async () => {
  const { sgxExtension } = await parseCertificate(dersOf(pem)[0]);
  for (let size = 0; size < sgxExtension.length; size++) {
    assert.throws(() => parsePckExtension(sgxExtension.subarray(0, size)), MalformedError);
  }
  assert.throws(() => parsePckExtension(new Uint8Array([...sgxExtension, 0])), MalformedError);
  for (let at = 0; at < sgxExtension.length; at++) {
    const changed = sgxExtension.slice();
    changed[at] ^= 0x80;
    try {
      parsePckExtension(changed);
    } catch (error) {
      assert.ok(error instanceof MalformedError, error);
    }
  }
});
