/** Does the attestation service agree, about this very quote? `verdict.token`. */
import { hex } from "../../crypto/encoding.js";
import { expect, given } from "../errors.js";
import { verifyToken } from "../token.js";

// Members of the annotated evidence (Trustee 0.14 and later) and what they name in a TD report.
const CLAIMED = {
  report_data: "reportData",
  mr_td: "mrTd",
  rtmr_0: "rtmr0",
  rtmr_1: "rtmr1",
  rtmr_2: "rtmr2",
  rtmr_3: "rtmr3",
};
const BODY = ["ear.veraison.annotated-evidence", "tdx", "quote", "body"];

/** Genuine, in date, affirming, and about this quote. Left out (null) where no issuer is pinned. */
export async function checkToken({ policy, token, expectation, quote }) {
  const issuer = policy.tokenIssuer;
  if (issuer === null) return null;
  expect(typeof token === "string", "token_missing");
  const claims = await verifyToken(token, issuer, expectation.now);
  const { report } = await given("report", quote);
  const module = ["submods", "cpu0"].reduce(member, claims);
  expect(module["ear.status"] === "affirming", "token_claims");
  const body = BODY.reduce(member, module);
  const isAboutThis = Object.entries(CLAIMED).every(([claim, name]) => body[claim] === hex(report[name]));
  expect(isAboutThis, "token_claims");
  return { issuer: issuer.issuer };
}

function member(members, name) {
  const value = Object.hasOwn(members, name) ? members[name] : null;
  expect(value !== null && typeof value === "object" && !Array.isArray(value), "token_claims");
  return value;
}
