/**
 * What Intel publishes about a platform, parsed from the exact signed texts: TCB info v3 and QE identity v2 of Intel's
 * PCS API v4. Verifies nothing. As attestation/collateral.py.
 */
import { parseJson } from "../crypto/encoding.js";
import { requireForm } from "../crypto/errors.js";
import { expect } from "./errors.js";
import { Members } from "./members.js";

const TEXTS = "pck_crl_issuer_chain tcb_info_issuer_chain tcb_info qe_identity_issuer_chain qe_identity";
const BLOBS = "root_ca_crl pck_crl tcb_info_signature qe_identity_signature";
const SVN_COUNT = 16;
const ENCLAVE_STATUSES = ["UpToDate", "OutOfDate", "Revoked"];
const PLATFORM_STATUSES = [
  ...ENCLAVE_STATUSES,
  "SWHardeningNeeded",
  "ConfigurationNeeded",
  "ConfigurationAndSWHardeningNeeded",
  "OutOfDateConfigurationNeeded",
];

/** Read the wire form, keeping its names: texts, and bytes where the wire has hex. Throws MalformedError. */
export function parseCollateral(members) {
  const texts = TEXTS.split(" ").map((name) => [name, members.text(name)]);
  const blobs = BLOBS.split(" ").map((name) => [name, members.anyHex(name)]);
  return Object.fromEntries([...texts, ...blobs]);
}

/** Parse a TDX TCB info; best level first. Throws MalformedError, or AppraisalError `collateral_kind`. */
export function parseTcbInfo(text) {
  const members = open(text, "TDX", 3);
  expect(members.integer("tcbType") === 0, "collateral_kind");
  return {
    ...dated(members),
    fmspc: members.anyHex("fmspc", 6),
    pceId: members.anyHex("pceId", 2),
    module: parseModule(members.nested("tdxModule")),
    moduleIdentities: members
      .objects("tdxModuleIdentities", [])
      .map((item) => ({ id: item.text("id"), ...parseModule(item), levels: parseSvnLevels(item) })),
    levels: members.objects("tcbLevels").map(parseTcbLevel).sort(byBestFirst),
  };
}

/** Parse a TD QE identity; best level first. Throws MalformedError, or AppraisalError `collateral_kind`. */
export function parseQeIdentity(text) {
  const members = open(text, "TD_QE", 2);
  return {
    ...dated(members),
    miscSelect: members.anyHex("miscselect", 4),
    miscSelectMask: members.anyHex("miscselectMask", 4),
    attributes: members.anyHex("attributes", 16),
    attributesMask: members.anyHex("attributesMask", 16),
    mrSigner: members.anyHex("mrsigner", 32),
    isvProdId: members.integer("isvprodid"),
    levels: parseSvnLevels(members),
  };
}

function open(text, id, minVersion) {
  const members = new Members(parseJson(text));
  expect(members.text("id") === id && members.integer("version") >= minVersion, "collateral_kind");
  return members;
}

function dated(members) {
  return {
    issuedAt: members.time("issueDate"),
    nextUpdate: members.time("nextUpdate"),
    evaluationNumber: members.integer("tcbEvaluationDataNumber"),
  };
}

function parseModule(members) {
  return {
    mrSigner: members.anyHex("mrsigner", 48),
    attributes: members.anyHex("attributes", 8),
    attributesMask: members.anyHex("attributesMask", 8),
  };
}

function parseSvnLevels(members) {
  return members
    .objects("tcbLevels")
    .map((item) => ({ isvSvn: item.nested("tcb").integer("isvsvn"), ...parseStanding(item, ENCLAVE_STATUSES) }))
    .sort((a, b) => b.isvSvn - a.isvSvn);
}

function parseTcbLevel(members) {
  const tcb = members.nested("tcb");
  return {
    sgxSvns: parseSvns(tcb, "sgxtcbcomponents"),
    pceSvn: tcb.integer("pcesvn"),
    tdxSvns: parseSvns(tcb, "tdxtcbcomponents"),
    ...parseStanding(members, PLATFORM_STATUSES),
  };
}

function parseSvns(tcb, name) {
  const svns = tcb.objects(name).map((component) => component.integer("svn", 0xff));
  requireForm(svns.length === SVN_COUNT);
  return svns;
}

/** Status, advisories and date of a level: who reaches it is safe from what was published until then. */
function parseStanding(members, known) {
  const date = members.time("tcbDate");
  const status = members.text("tcbStatus");
  requireForm(known.includes(status));
  return { date, status, advisories: members.texts("advisoryIDs", []) };
}

/** Highest SGX components first, then PCESVN, then TDX components. */
function byBestFirst(a, b) {
  const [left, right] = [a, b].map((level) => [...level.sgxSvns, level.pceSvn, ...level.tdxSvns]);
  const at = left.findIndex((svn, i) => svn !== right[i]);
  return at < 0 ? 0 : right[at] - left[at];
}
