/** What the server says inside a session: type -> members and their forms. */
import {
  hasMembers,
  isCount,
  isFlag,
  isObject,
  isOffsets,
  isOutcome,
  isText,
  isUuid,
  listOf,
  optional,
  orNull,
} from "./members.js";

const CONVERSATION = {
  conversation: isUuid,
  title: orNull(isText),
  titled: isText,
  folder: orNull(isUuid),
  archived: isFlag,
  pinned: isFlag,
  updated_at: isCount,
  model: isText,
};
const HIT = {
  conversation: isUuid,
  message: orNull(isUuid),
  snippet: (value) => Array.isArray(value) && value.every(isText),
};
const FOLDER = { folder: isUuid, name: isText };
const DOCUMENT = {
  attachment: isUuid,
  name: isText,
  kind: isText,
  size: isCount,
  unit: isText,
  pages: isCount,
  tokens: isCount,
};
const SOURCE = { n: isCount, attachment: isUuid, page: isCount, start: isCount, end: isCount };
const isDocument = (value) => listOf(DOCUMENT)([value]);
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
  attachments: optional(listOf(DOCUMENT)),
  sources: optional(listOf(SOURCE)),
  created_at: isCount,
};
const OPENED = {
  at: isCount,
  way: isText,
  broker: isText,
  owner_key: isText,
  manifest: isText,
  policies: (value) => Array.isArray(value) && value.every(isText),
};
const MODEL = {
  name: isText,
  digest: isText,
  context_length: orNull(isCount),
  context_tokens: isCount,
  thinks: isFlag,
  efforts: (value) => Array.isArray(value) && value.every(isText),
  sees: isFlag,
  size: isCount,
  parameter_size: isText,
  quantization: isText,
  loaded: orNull(isFlag),
  listed: isFlag,
  opened: optional(orNull((value) => hasMembers(value, OPENED))),
};

/** Every message inside a session: type -> its members. All but the first repeat the request's id. */
export const SEALED = {
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
  "attachment.state": { id: isCount, attachment: isUuid, offset: isCount, file: orNull(isDocument) },
  "attachment.dropped": { id: isCount, attachment: isUuid },
  "attachment.page": { id: isCount, file: isDocument, page: isCount, text: isText, image: orNull(isText) },
  "attachment.sources": { id: isCount, reply: isUuid, sources: listOf(SOURCE) },
  "conversation.list": { id: isCount, conversations: listOf(CONVERSATION), next: orNull(isText) },
  "conversation.open": {
    id: isCount,
    conversation: isUuid,
    title: orNull(isText),
    shown: orNull(isUuid),
    messages: listOf(MESSAGE),
    next: orNull(isText),
  },
  "conversation.renamed": { id: isCount, conversation: isUuid },
  "conversation.found": { id: isCount, hits: listOf(HIT), partial: isFlag },
  "conversation.titled": { id: isCount, conversation: isUuid, title: isText },
  "conversation.changed": { id: isCount, conversation: isUuid },
  "conversation.deleted": { id: isCount, conversation: isUuid, until: isCount },
  "history.deleted": { id: isCount, count: isCount, until: isCount },
  "history.restored": { id: isCount, count: isCount },
  "folder.list": { id: isCount, folders: listOf(FOLDER) },
  retention: { id: isCount, days: orNull(isCount), installation_days: orNull(isCount) },
  "changes.following": { id: isCount },
  "changes.noticed": { id: isCount, changes: listOf({ kind: isText, conversation: orNull(isUuid) }) },
  "model.list": {
    id: isCount,
    models: listOf(MODEL),
    default: isText,
    context_tokens: isCount,
    options: isObject,
  },
  "settings.open": { id: isCount, settings: orNull(isObject) },
  "settings.saved": { id: isCount },
  "templates.open": { id: isCount, templates: listOf({ name: isText, text: isText }) },
  "templates.saved": { id: isCount },
  error: { id: optional(isCount), code: isText, retry: isFlag, until: optional(isCount) },
};
