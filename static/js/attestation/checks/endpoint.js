/** Does the model answer inside the machine that the quote speaks of? `model.endpoint`. As attestation/checks/endpoint.py. */
import { UncheckedError, given } from "../errors.js";

const INSIDE = "loopback";

/** Left out (null) where the model answers inside; of any other place nothing is known, so it never passes. */
export async function checkEndpoint(subject) {
  const { modelEndpoint } = await given("statement", subject.statement);
  if (modelEndpoint !== INSIDE) throw new UncheckedError("endpoint");
  return null;
}
