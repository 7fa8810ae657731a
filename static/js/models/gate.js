/** The gate: may a session be opened on what the browser itself has found? */

const ORDER = ["affirming", "warning", "contraindicated", "none"];

/** Checks without which no session opens, whatever the policy says and the user accepts (protocol §4). */
export const INDISPENSABLE = [
  "quote.chain",
  "quote.qe",
  "quote.signature",
  "td.attributes",
  "binding.report_data",
  "binding.nonce",
  "binding.key",
  "binding.origin",
  "binding.fresh",
];

/** Faults of Intel's lists under which what `quote.qe` compares with would be anybody's word. */
const FORGED_LISTS = new Set([
  "collateral_malformed",
  "collateral_kind",
  "collateral_signer",
  "collateral_signature",
  "not_checked",
]);

/** Return the outcome that deserves less trust. */
export function worseOutcome(first, second) {
  return ORDER.indexOf(first) > ORDER.indexOf(second) ? first : second;
}

/** Say whether everything that no one may waive has passed; a check that is absent has not. */
export function mayBeRisked(result) {
  const passed = new Set(result.checks.filter(({ status }) => status === "pass").map(({ id }) => id));
  const bindings = result.checks.filter(({ id }) => id.startsWith("binding."));
  const lists = result.checks.find(({ id }) => id === "quote.collateral");
  return (
    INDISPENSABLE.every((id) => passed.has(id)) &&
    bindings.every(({ status }) => status === "pass") &&
    lists !== undefined &&
    !FORGED_LISTS.has(lists.code)
  );
}

/**
 * Decide on the browser's own result: `open`, `ask` (the policy lets the user take the risk) or `refuse`.
 * The service's outcome can only make it worse.
 */
export function decide({ enforcement, result, serviceOutcome }) {
  if (!mayBeRisked(result)) return "refuse";
  if (worseOutcome(result.outcome, serviceOutcome) === "affirming") return "open";
  return enforcement === "warn" ? "ask" : "refuse";
}

/** Return the ids of the checks that did not pass. */
export function faultsOf(result) {
  return result.checks.filter(({ status }) => status !== "pass").map(({ id }) => id);
}

/** Say why a result does not open a session: `{code, check}`. Where every check passed here, the service differs. */
export function refusalOf(result) {
  const check = firstFault(result.checks);
  return check ? { code: check.code, check } : { code: "service_differs", check: null };
}

/** Return the first check that failed, else the first that could not be made, else null. */
export function firstFault(checks) {
  return checks.find(({ status }) => status === "fail") ?? checks.find(({ status }) => status !== "pass") ?? null;
}
