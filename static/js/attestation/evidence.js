/** Evidence as it travels, read by form. As attestation/evidence.py. */
import { parseCollateral } from "./collateral.js";
import { Members } from "./members.js";

/** Read the members of `attest.evidence`; those of other names are left alone. Throws MalformedError. */
export function parseEvidence(message) {
  const members = new Members(message);
  const eventLog = members.nested("event_log");
  return {
    statement: members.b64("statement"),
    deploymentSig: members.b64("deployment_sig"),
    kemKey: members.b64("kem_key"),
    quote: members.b64("quote"),
    collateral: parseCollateral(members.nested("collateral")),
    ccel: eventLog.isNull("ccel") ? null : eventLog.b64("ccel"),
    aael: eventLog.isNull("aael") ? null : eventLog.text("aael"),
    trustAnchor: members.choice("trust_anchor", ["intel", "simulator"]),
    simulatorRoot: members.isNull("simulator_root") ? null : members.b64("simulator_root"),
    gpu: members.has("gpu") && !members.isNull("gpu") ? members.text("gpu") : null,
  };
}
