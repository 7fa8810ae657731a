/** Messages from the server: parsed strictly, their members checked, nothing in them believed. */
import { parseJson } from "../crypto/encoding.js";
import { ProtocolError } from "./errors.js";
import { hasMembers, isFlag, isObject, isOutcome, isText, isUuid, listOf, optional, orNull } from "./members.js";
import { SEALED } from "./sealed.js";

const CHECK = { id: isText, status: isText, source: isText, detail: isText };

/** Every message in clear: type -> its members. */
const CLEAR = {
  "attest.evidence": {
    record: isUuid,
    statement: isText,
    deployment_sig: isText,
    kem_key: isText,
    quote: isText,
    collateral: isObject,
    event_log: isObject,
    trust_anchor: isText,
    simulator_root: orNull(isText),
  },
  "attest.verdict": {
    record: isUuid,
    outcome: isOutcome,
    verifier: isObject,
    token: orNull(isText),
    checks: listOf(CHECK),
    error: orNull(isObject),
    others: optional(listOf({ verifier: isObject, token: orNull(isText), error: orNull(isObject) })),
  },
  "session.switch": { record: isUuid },
  error: { code: isText, retry: isFlag },
};

/** Parse a text frame. Throws ProtocolError. */
export function parseClear(text) {
  let message;
  try {
    message = parseJson(text);
  } catch (error) {
    throw new ProtocolError("not strict JSON", { cause: error });
  }
  return checked(message, CLEAR);
}

/** Check a message that a channel has opened. Throws ProtocolError. */
export function checkSealed(message) {
  return checked(message, SEALED);
}

function checked(message, known) {
  if (!isObject(message) || !Object.hasOwn(known, message.type)) throw new ProtocolError("unknown type");
  if (!hasMembers(message, known[message.type])) throw new ProtocolError(`not a ${message.type}`);
  return message;
}
