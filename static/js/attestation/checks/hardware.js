/** Is this a genuine report of genuine, current hardware? `quote.*` and `tcb.status`. */
import { concat, equal, hex, utf8 } from "../../crypto/encoding.js";
import { MalformedError } from "../../crypto/errors.js";
import { AppraisalError, expect, given, isOfEvidence } from "../errors.js";
import { acceptTcb } from "../grace.js";
import { PCK_CA_CHAIN, PCK_CHAIN, TCB_SIGNING_CHAIN, checkChainDates } from "../pki.js";
import { INTEL_ROOT_SHA256 } from "../policy.js";
import { hasSigned, importP256, sha256 } from "../signatures.js";
import { masked } from "../tcb.js";

const BODY_NAMES = { 2: "TDX 1.0", 3: "TDX 1.5", 4: "TDX 1.5 extended" };
const SGX_DEBUG = 0x02;

export async function checkParse(subject) {
  const { header, bodyType } = await subject.quote;
  return { version: header.version, body: BODY_NAMES[bodyType] };
}

/** Both chains, then dates, then both CRLs, then what they revoke. */
export async function checkChain(subject) {
  const { isSimulated, policy, expectation } = subject;
  expect(!isSimulated || (await subject.maySimulate), "simulator_refused");
  expect(isSimulated || policy.rootSha256.some((root) => equal(root, INTEL_ROOT_SHA256)), "chain_root");
  await given("report", subject.quote);
  const { pck, pckChain, crlChain } = await verifyChains(subject);
  for (const chain of [pckChain, crlChain]) checkChainDates(chain, expectation.now);
  const [rootCrl, pckCrl] = [await subject.rootCrl, await subject.pckCrl];
  for (const { thisUpdate, nextUpdate } of [rootCrl, pckCrl]) {
    expect(thisUpdate <= expectation.now && expectation.now <= nextUpdate, "crl_validity");
  }
  const isRevoked = anyRevoked([pckChain[0]], pckCrl) || anyRevoked([pckChain[1], crlChain[0]], rootCrl);
  expect(!isRevoked, "certificate_revoked");
  return { fmspc: hex(pck.fmspc), words: isSimulated ? "quote.chain.simulated" : "quote.chain" };
}

/** Form, signers, signatures, dates, platform, floor, and whether a signer is revoked. */
export async function checkCollateral(subject) {
  const { collateral } = subject.evidence;
  const lists = await translated(Promise.all([subject.tcbInfo, subject.qeIdentity]), "collateral_malformed");
  const signers = await verifySigners(subject);
  const isSigned = await Promise.all([
    hasSigned(signers[0].key, collateral.tcb_info_signature, utf8(collateral.tcb_info)),
    hasSigned(signers[1].key, collateral.qe_identity_signature, utf8(collateral.qe_identity)),
  ]);
  expect(isSigned.every(Boolean), "collateral_signature");
  const { now } = subject.expectation;
  for (const { issuedAt, nextUpdate } of lists) expect(issuedAt <= now && now <= nextUpdate, "collateral_validity");
  const [pck, tcbInfo] = [await given("certificate", subject.pck), lists[0]];
  expect(equal(tcbInfo.fmspc, pck.fmspc), "fmspc_mismatch");
  expect(equal(tcbInfo.pceId, pck.pceId), "pceid_mismatch");
  const number = Math.min(...lists.map(({ evaluationNumber }) => evaluationNumber));
  expect(number >= subject.policy.minTcbEvaluationDataNumber, "evaluation_number_low", { number });
  expect(!anyRevoked(signers, await given("crl", subject.rootCrl)), "collateral_signer");
  const until = new Date(Math.min(...lists.map(({ nextUpdate }) => nextUpdate)));
  return { number, until: minuteOf(until) };
}

/** The PCK key signed the QE's report, which binds the attestation key and is Intel's enclave. */
export async function checkQe(subject) {
  const { qeReport, ...quote } = await given("report", subject.quote);
  const [pck] = await given("certificate", subject.pckChain);
  expect(await hasSigned(pck.key, quote.qeReportSignature, qeReport.raw), "qe_signature");
  const bound = await sha256(concat(quote.attestationKey, quote.qeAuthenticationData));
  expect(equal(qeReport.reportData, concat(bound, new Uint8Array(32))), "qe_binding");
  expect(isEnclave(qeReport, await given("list", subject.qeIdentity)), "qe_identity");
  expect(!(qeReport.attributes[0] & SGX_DEBUG), "qe_debug");
  return {};
}

/** The attestation key signed header and body. */
export async function checkSignature(subject) {
  const { attestationKey, signature, signed } = await given("report", subject.quote);
  expect(await hasSigned(await importP256(attestationKey), signature, signed), "quote_signature");
  return {};
}

/** The merged status and its advisories are among those that the policy accepts. */
export async function checkTcb(subject) {
  await given("report", subject.quote);
  await given("certificate", subject.pck);
  await given("list", Promise.all([subject.tcbInfo, subject.qeIdentity]));
  const verdict = await subject.tcb;
  const until = acceptTcb(verdict, subject.policy, subject.expectation.now);
  const params = { status: verdict.status, advisories: verdict.advisories.join(", ") || "–" };
  return until ? { ...params, until: minuteOf(until), words: "tcb.status.grace" } : params;
}

/** The platform, its own chain and that of its CRL's issuer, verified but for dates and revocation. */
async function verifyChains(subject) {
  const pckChain = await translated(subject.pckChain, "chain_malformed");
  await subject.verifyChain(pckChain, PCK_CHAIN);
  const pck = await translated(subject.pck, "chain_malformed");
  const crlChain = await translated(subject.pckCrlChain, "chain_malformed");
  await subject.verifyChain(crlChain, PCK_CA_CHAIN);
  return { pck, pckChain, crlChain };
}

/** The certificates that signed TCB info and QE identity, verified but for revocation. */
async function verifySigners(subject) {
  try {
    const chains = await Promise.all([subject.tcbInfoChain, subject.qeIdentityChain]);
    for (const chain of chains) {
      await subject.verifyChain(chain, TCB_SIGNING_CHAIN);
      checkChainDates(chain, subject.expectation.now);
    }
    return chains.map(([signer]) => signer);
  } catch (error) {
    throw isOfEvidence(error) ? new AppraisalError("collateral_signer") : error;
  }
}

/** Await a part; where its form is wrong, that is this code. */
async function translated(part, code) {
  try {
    return await part;
  } catch (error) {
    throw error instanceof MalformedError ? new AppraisalError(code) : error;
  }
}

function anyRevoked(certificates, crl) {
  return certificates.some(({ serial }) => crl.revoked.has(serial));
}

function minuteOf(date) {
  return date.toISOString().slice(0, 16).replace("T", " ");
}

/** Compare a QE's report with the identity Intel published; masks leave bits out that may differ. */
function isEnclave(report, identity) {
  return (
    equal(report.mrSigner, identity.mrSigner) &&
    report.isvProdId === identity.isvProdId &&
    equal(masked(report.miscSelect, identity.miscSelectMask), identity.miscSelect) &&
    equal(masked(report.attributes, identity.attributesMask), identity.attributes)
  );
}
