/**
 * X.509 as DCAP uses it: fixed chain shapes to a pinned root, roles, and CRLs (Intel PCK profile 1.5, RFC 5280).
 * No general path validator. As attestation/pki.py.
 */
import { equal } from "../crypto/encoding.js";
import { MalformedError, requireForm } from "../crypto/errors.js";
import { AppraisalError, expect } from "./errors.js";
import { splitPem } from "./pem.js";
import { hasSigned, sha256 } from "./signatures.js";
import { parseCertificate, parseCrl } from "./x509.js";

const ROOT = { names: ["SGX Root CA"], isCa: true };
const PCK_CA = { names: ["SGX PCK Platform CA", "SGX PCK Processor CA"], isCa: true };
export const PCK_CHAIN = [{ names: ["SGX PCK Certificate"], isCa: false }, PCK_CA, ROOT];
export const PCK_CA_CHAIN = [PCK_CA, ROOT];
export const TCB_SIGNING_CHAIN = [{ names: ["SGX TCB Signing"], isCa: false }, ROOT];

/** Parse as many certificates as there are roles, leaf first; looks at nothing else. Throws MalformedError. */
export async function parseChain(pem, roles) {
  const ders = splitPem(pem);
  requireForm(ders.length === roles.length);
  return Promise.all(ders.map(parseCertificate));
}

/** Verify a chain to the root of this SHA-256; looks neither at dates nor at revocation. Throws AppraisalError. */
export async function verifyChain(chain, roles, rootSha256) {
  expect(equal(await sha256(chain.at(-1).der), rootSha256), "chain_root");
  const issuers = [...chain.slice(1), chain.at(-1)];
  const isIssued = await Promise.all(chain.map((certificate, i) => isIssuedBy(certificate, issuers[i])));
  expect(isIssued.every(Boolean), "chain_signature");
  chain.forEach(({ commonName }, i) =>
    expect(
      roles[i].names.some((name) => commonName.endsWith(name)),
      "chain_role",
      { name: commonName },
    ),
  );
  chain.forEach((certificate, i) => checkConstraints(certificate, roles[i].isCa));
}

/** Check that every certificate is valid now. Throws AppraisalError. */
export function checkChainDates(chain, now) {
  const late = chain.find(({ notBefore, notAfter }) => !(notBefore <= now && now <= notAfter));
  expect(!late, "chain_validity", { name: late?.commonName });
}

/** Parse a CRL and verify that this authority signed it; does not look at dates. Throws AppraisalError. */
export async function verifyCrl(der, issuer) {
  const crl = parseOrRefuse(der);
  const isNamed = equal(crl.issuer, issuer.subject) && crl.hasOurAlgorithm;
  expect(isNamed && (await hasSigned(issuer.key, crl.signature, crl.tbs)), "crl_signature", {
    name: issuer.commonName,
  });
  return crl;
}

function parseOrRefuse(der) {
  try {
    return parseCrl(der);
  } catch (error) {
    throw error instanceof MalformedError ? new AppraisalError("crl_malformed") : error;
  }
}

async function isIssuedBy(certificate, issuer) {
  const isNamed = equal(certificate.issuer, issuer.subject) && certificate.hasOurAlgorithm;
  return isNamed && hasSigned(issuer.key, certificate.signature, certificate.tbs);
}

function checkConstraints(certificate, isCa) {
  const { signsCertificates, signsCrls, signsData, commonName: name } = certificate;
  const maySign = isCa ? signsCertificates && signsCrls : signsData && !signsCertificates && !signsCrls;
  expect(certificate.isCa === isCa && maySign, "chain_constraints", { name });
  expect(!certificate.hasUnknownCritical && certificate.key, "chain_constraints", { name });
}
