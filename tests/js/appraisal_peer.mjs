/** The page's verifier for the tests in Python: a JSON list of whole cases in, a list of what was found out. */
import { text } from "node:stream/consumers";
import { appraise } from "../../static/js/attestation/appraisal.js";
import { argumentsOf } from "./cases.js";

const found = [];
for (const each of JSON.parse(await text(process.stdin))) {
  const result = await appraise(each.evidence, argumentsOf(each));
  found.push({
    outcome: result.outcome,
    policy: result.policy.digest,
    tcb_status: result.tcbStatus,
    advisories: result.advisories,
    valid_until: result.validUntil && result.validUntil.getTime() / 1000,
    checks: result.checks.map(({ id, status, source, code }) => [id, status, source, code]),
  });
}
process.stdout.write(JSON.stringify(found));
