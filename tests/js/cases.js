/** The cases that both verifiers are held to (tests/cases/README.md), in the page's own values. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { policyFrom } from "../../static/js/attestation/policy.js";
import { b64decode } from "../../static/js/crypto/encoding.js";

const GENERATED = new URL("../cases/.generated/", import.meta.url);
export const MISSING = existsSync(fileURLToPath(GENERATED)) ? false : "no cases: python -m tests.cases.generate";

/** Every case of a file: `{name, expected, ...the whole case}`; none where nothing was generated. */
export async function casesOf(name) {
  if (MISSING) return [];
  const { bases, cases } = JSON.parse(await readFile(new URL(`${name}.json`, GENERATED), "utf8"));
  return cases.map((each) => ({ ...changed(bases[each.base], each.set), name: each.name, expected: each.expected }));
}

/** A copy of a case with members replaced, addressed by dotted path. */
export function changed(base, changes) {
  const copy = structuredClone(base);
  for (const [path, value] of Object.entries(changes)) {
    const names = path.split(".");
    const last = names.pop();
    names.reduce((members, name) => members[name], copy)[last] = value;
  }
  return copy;
}

/** The arguments of `appraise` behind the evidence. */
export function argumentsOf({ policy, trust, expectation, releases, token, others, now }) {
  const entries = [{ verifier: { name: "embedded", jwks: {} }, token }, ...others];
  const answers = entries.map(({ verifier: { name, jwks }, token: given }) => ({ name, jwks, token: given }));
  return { policy: policyOf(policy, trust), expectation: expectationOf(expectation, now), releases, answers };
}

function policyOf(policy, trust) {
  return policyFrom({ policy, trust, development: true });
}

function expectationOf(members, now) {
  return {
    nonce: orNull(members.nonce, b64decode),
    conversation: members.conversation,
    origin: members.origin,
    suites: members.suites,
    deploymentKey: orNull(members.deployment_key, b64decode),
    now: new Date(now * 1000),
    elapsedS: members.elapsed_s,
    loopback: members.loopback,
    logView: orNull(members.log_view, (view) => ({ ...view, root: b64decode(view.root) })),
  };
}

function orNull(value, read) {
  return value === null ? null : read(value);
}
