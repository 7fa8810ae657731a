/** Messages from the server: parsed strictly, their members checked, nothing in them believed. */
import { parseJson } from "../crypto/encoding.js";
import { ProtocolError } from "./errors.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const OUTCOMES = ["affirming", "warning", "contraindicated", "none"];

const isText = (value) => typeof value === "string";
const isUuid = (value) => isText(value) && UUID.test(value);
const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isFlag = (value) => typeof value === "boolean";
const isOutcome = (value) => OUTCOMES.includes(value);
const isOffsets = (value) => isObject(value) && isCount(value.thinking) && isCount(value.content);
const orNull = (check) => (value) => value === null || check(value);
const optional = (check) => (value) => value === undefined || check(value);
const listOf = (members) => (value) => Array.isArray(value) && value.every((item) => hasMembers(item, members));

const CHECK = { id: isText, status: isText, source: isText, detail: isText };
const CONVERSATION = { conversation: isUuid, title: orNull(isText), updated_at: isCount, model: isText };
const MESSAGE = {
  message: isUuid,
  parent: orNull(isUuid),
  role: (value) => value === "user" || value === "assistant",
  text: isText,
  thinking: isText,
  state: isText,
  reason: isText,
  model: isText,
  usage: isObject,
  created_at: isCount,
};

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
  },
  "session.switch": { record: isUuid },
  error: { code: isText, retry: isFlag },
};

/** Every message inside a session: type -> its members. All but the first repeat the request's id. */
const SEALED = {
  "session.ready": {
    record: isUuid,
    statement_sha256: isText,
    user: isText,
    conversation: isUuid,
    outcome: isOutcome,
    resume: isText,
    consistency: orNull((value) => Array.isArray(value) && value.every(isText)),
  },
  "chat.started": { id: isCount, message: isUuid, reply: isUuid },
  "chat.delta": {
    id: isCount,
    reply: isUuid,
    offsets: isOffsets,
    thinking: optional(isText),
    content: optional(isText),
  },
  "chat.done": { id: isCount, reply: isUuid, reason: isText, usage: isObject, error: optional(isObject) },
  "chat.stopped": { id: isCount, reply: isUuid },
  "conversation.list": { id: isCount, conversations: listOf(CONVERSATION), next: orNull(isText) },
  "conversation.open": {
    id: isCount,
    conversation: isUuid,
    title: orNull(isText),
    messages: listOf(MESSAGE),
    next: orNull(isText),
  },
  "conversation.renamed": { id: isCount, conversation: isUuid },
  "conversation.deleted": { id: isCount, conversation: isUuid },
  "model.list": { id: isCount, models: Array.isArray },
  error: { id: optional(isCount), code: isText, retry: isFlag },
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

function hasMembers(value, members) {
  return isObject(value) && Object.entries(members).every(([name, check]) => check(value[name]));
}
