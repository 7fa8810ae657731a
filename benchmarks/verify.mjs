/** Times the page's verifier on one handshake of tests/cases; runs as it stands in Node, and bundled in Chromium. */
import { appraise } from "../static/js/attestation/appraisal.js";
import { policyFrom } from "../static/js/attestation/policy.js";
import { b64decode } from "../static/js/crypto/encoding.js";

/** Appraise `rounds` times; return the last outcome and how long each took, in milliseconds. */
export async function measure({ evidence, releases, token, ...members }, rounds) {
  const policy = policyFrom({ policy: members.policy, development: true, trust: members.trust });
  const expectation = expectationFrom(members.expectation, members.now);
  const times = [];
  let outcome = "none";
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    ({ outcome } = await appraise(evidence, { policy, expectation, releases, token }));
    times.push(performance.now() - started);
  }
  return { outcome, times };
}

function expectationFrom({ nonce, suites, conversation, origin, deployment_key, elapsed_s, loopback }, now) {
  return {
    nonce: nonce && b64decode(nonce),
    conversation,
    origin,
    suites,
    deploymentKey: deployment_key && b64decode(deployment_key),
    now: new Date(now * 1000),
    elapsedS: elapsed_s,
    loopback,
    logView: null,
  };
}
