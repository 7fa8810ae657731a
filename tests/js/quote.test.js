import assert from "node:assert/strict";
import { test } from "node:test";
import { AppraisalError } from "../../static/js/attestation/errors.js";
import { parseQuote } from "../../static/js/attestation/quote.js";
import { concat, hex } from "../../static/js/crypto/encoding.js";
import { ABSENT, bytesOf, vectors } from "./vectors.js";

const BODIES = { "TD1.0": 2, "TD1.5": 3, "TD1.5ex": 4 };
const refuses = (raw, code) =>
  assert.throws(
    () => parseQuote(raw),
    (error) => isRefusal(error, code),
  );

function isRefusal(error, code) {
  return (
    error instanceof AppraisalError && (code === undefined ? error.code.startsWith("quote_") : error.code === code)
  );
}

test("real quotes stand beside the repository", { skip: ABSENT }, () => assert.ok(vectors.length >= 12));

for (const vector of vectors) {
  const raw = bytesOf(vector.file);

  test(`${vector.name} reads as its index says`, () => {
    const { header, bodyType, report, signed, pckChain } = parseQuote(raw);
    assert.equal(header.version, vector.version);
    assert.equal(bodyType, BODIES[vector.body]);
    assert.equal(hex(report.tdAttributes), vector.td_attributes);
    assert.equal(hex(report.xfam), vector.xfam);
    assert.equal(hex(report.teeTcbSvn), vector.tee_tcb_svn);
    assert.equal(hex(report.mrTd), vector.mrtd);
    assert.equal(hex(report.mrSeam), vector.mr_seam);
    assert.equal(hex(report.reportData), vector.report_data);
    const { rtmr0, rtmr1, rtmr2, rtmr3 } = report;
    assert.deepEqual([rtmr0, rtmr1, rtmr2, rtmr3].map(hex), vector.rtmr);
    if (vector.mr_service_td) assert.equal(hex(report.mrServiceTd), vector.mr_service_td);
    assert.deepEqual(signed, raw.subarray(0, signed.length));
    assert.equal(String.fromCharCode(...pckChain.subarray(0, 27)), "-----BEGIN CERTIFICATE-----");
  });

  test(`${vector.name} is refused at every truncation`, () => {
    const end = raw.findLastIndex((byte) => byte !== 0);
    for (let size = 0; size <= end; size++) refuses(raw.subarray(0, size));
  });

  test(`${vector.name} may be followed by zeros and by nothing else`, () => {
    assert.deepEqual(parseQuote(concat(raw, new Uint8Array(1000))).report, parseQuote(raw).report);
    for (const byte of [1, 0x80, 0xff]) refuses(concat(raw, new Uint8Array([0, 0, byte])), "quote_trailing");
  });
}

test("every length and kind in a quote is checked", { skip: ABSENT }, () => {
  const raw = bytesOf("v4-phala-b0c06f.quote.bin");
  const flips = {
    quote_version: [0, 1],
    quote_key_type: [2, 3],
    quote_tee_type: [4, 5, 6, 7],
    quote_vendor: Array.from({ length: 16 }, (_, i) => 12 + i),
    quote_certification: [764, 765, 766, 767, 768, 769, 1252, 1253, 1254, 1255, 1256, 1257],
  };
  for (const [code, offsets] of Object.entries(flips)) {
    for (const at of offsets) {
      const changed = raw.slice();
      changed[at] ^= 0x10;
      refuses(changed, code);
    }
  }
});

test("what is larger than any quote is not read", () => refuses(new Uint8Array(64 * 1024 + 1), "quote_malformed"));
