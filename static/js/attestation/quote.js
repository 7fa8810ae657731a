/**
 * Quote bytes taken apart (Intel TDX DCAP quoting library, quote versions 4 and 5). Trusts and verifies nothing.
 * Integers are little-endian, keys and signatures big-endian x || y and r || s. As attestation/quote.py.
 */
import { equal, unhex } from "../crypto/encoding.js";
import { AppraisalError, expect } from "./errors.js";

const MAX_QUOTE_SIZE = 64 * 1024;
const TEE_TYPE_TDX = 0x81;
const KEY_TYPE_ECDSA_P256 = 2;
const INTEL_QE_VENDOR_ID = unhex("939a7233f79c4ca9940a0db3957f0607");
const BODY_TD10 = 2;
const BODY_SIZES = { [BODY_TD10]: 584, 3: 648, 4: 885 };
const CERTIFICATION_QE_REPORT = 6;
const CERTIFICATION_PCK_CHAIN = 5;

// Names and sizes of consecutive fields.
const HEADER = { version: 2, keyType: 2, teeType: 4, qeSvn: 2, pceSvn: 2, qeVendorId: 16, userData: 20 };
const REPORT = {
  teeTcbSvn: 16,
  mrSeam: 48,
  mrSignerSeam: 48,
  seamAttributes: 8,
  tdAttributes: 8,
  xfam: 8,
  mrTd: 48,
  mrConfigId: 48,
  mrOwner: 48,
  mrOwnerConfig: 48,
  rtmr0: 48,
  rtmr1: 48,
  rtmr2: 48,
  rtmr3: 48,
  reportData: 64,
};
const REPORT_15 = { ...REPORT, teeTcbSvn2: 16, mrServiceTd: 48 };

/** Parse a TDX quote; behind it only zeros may follow. Throws AppraisalError with a code of `quote.parse`. */
export function parseQuote(raw) {
  expect(raw.length <= MAX_QUOTE_SIZE, "quote_malformed");
  const reader = new Reader(raw);
  const header = parseHeader(reader);
  const bodyType = parseBodyType(reader, header.version);
  const report = parseReport(reader.take(BODY_SIZES[bodyType]));
  const signed = raw.subarray(0, reader.position);
  const signatureData = new Reader(reader.take(reader.u32()));
  const signature = signatureData.take(64);
  const attestationKey = signatureData.take(64);
  const certification = openCertification(signatureData, CERTIFICATION_QE_REPORT);
  const qeReport = parseQeReport(certification.take(384));
  const qeReportSignature = certification.take(64);
  const qeAuthenticationData = certification.take(certification.u16());
  const chain = openCertification(certification, CERTIFICATION_PCK_CHAIN).rest();
  expect(!reader.rest().some(Boolean), "quote_trailing");
  return {
    header,
    bodyType,
    report,
    signed,
    signature,
    attestationKey,
    qeReport,
    qeReportSignature,
    qeAuthenticationData,
    pckChain: chain.at(-1) === 0 ? chain.subarray(0, -1) : chain,
  };
}

class Reader {
  position = 0;
  #data;

  constructor(data) {
    this.#data = data;
  }

  take(size) {
    const start = this.position;
    expect(start + size <= this.#data.length, "quote_malformed");
    this.position += size;
    return this.#data.subarray(start, this.position);
  }

  rest() {
    return this.take(this.#data.length - this.position);
  }

  u16() {
    return littleEndian(this.take(2));
  }

  u32() {
    return littleEndian(this.take(4));
  }

  /** Take consecutive fields by a table of names and sizes. */
  fields(sizes) {
    return Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, this.take(size)]));
  }
}

function littleEndian(bytes) {
  return bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
}

function parseHeader(reader) {
  const fields = new Reader(reader.take(48)).fields(HEADER);
  const [version, keyType, teeType] = [fields.version, fields.keyType, fields.teeType].map(littleEndian);
  expect(version === 4 || version === 5, "quote_version", { version });
  expect(teeType === TEE_TYPE_TDX, "quote_tee_type");
  expect(keyType === KEY_TYPE_ECDSA_P256, "quote_key_type");
  expect(equal(fields.qeVendorId, INTEL_QE_VENDOR_ID), "quote_vendor");
  return { version, keyType, teeType, qeVendorId: fields.qeVendorId, userData: fields.userData };
}

/** A version 4 quote has no descriptor and always the TDX 1.0 body. */
function parseBodyType(reader, version) {
  if (version === 4) return BODY_TD10;
  const [type, size] = [reader.u16(), reader.u32()];
  expect(BODY_SIZES[type] === size, "quote_body");
  return type;
}

function parseReport(body) {
  return new Reader(body).fields(body.length === BODY_SIZES[BODY_TD10] ? REPORT : REPORT_15);
}

/** A reader over certification data of one kind, which must reach exactly to the end. */
function openCertification(reader, kind) {
  const [found, size] = [reader.u16(), reader.u32()];
  const data = reader.rest();
  if (found !== kind || data.length !== size) throw new AppraisalError("quote_certification");
  return new Reader(data);
}

/** SGX REPORTBODY, 384 bytes. */
function parseQeReport(raw) {
  return {
    raw,
    miscSelect: raw.subarray(16, 20),
    attributes: raw.subarray(48, 64),
    mrSigner: raw.subarray(128, 160),
    isvProdId: littleEndian(raw.subarray(256, 258)),
    isvSvn: littleEndian(raw.subarray(258, 260)),
    reportData: raw.subarray(320, 384),
  };
}
