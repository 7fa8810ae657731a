/** What other products and this one export, read into one form: `{conversation, title, updated_at, …, messages}`. */
import { fromChatGpt } from "./chatgpt.js";
import { FORMAT } from "./export.js";
import { fromOpenWebUi } from "./open_webui.js";

export const MAX_FILE_BYTES = 200 * 1024 * 1024;
const UUID4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export class ImportError extends Error {
  /** `code` is `import_json` (no JSON) or `import_unknown` (of no known form). */
  constructor(code, options) {
    super(code, options);
    this.code = code;
  }
}

/** Read an exported file; `makeId` makes ids where the file has none that fit. Throws ImportError. */
export function readExport(text, { makeId, now }) {
  const { folders = [], conversations, documents = {} } = conversationsOf(parse(text));
  const read = conversations.map((conversation) => fitted(conversation, { makeId, now, documents }));
  return { folders, conversations: read.filter(({ messages }) => messages.length > 0), documents };
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new ImportError("import_json", { cause: error });
  }
}

function conversationsOf(value) {
  if (value?.format === FORMAT && Array.isArray(value.conversations)) return value;
  const list = Array.isArray(value) ? value : [value];
  if (list.length && list.every((item) => item?.mapping)) return { conversations: list.map(fromChatGpt) };
  if (list.length && list.every((item) => item?.chat?.history?.messages || item?.history?.messages)) {
    return { conversations: list.map(fromOpenWebUi) };
  }
  throw new ImportError("import_unknown");
}

/** Give every message an id that fits, parents before children, and leave nothing out that says something. */
function fitted({ conversation, title, messages, updated_at: at, ...kept }, { makeId, now, documents }) {
  const ids = new Map(messages.map(({ message }) => [message, UUID4.test(message) ? message : makeId()]));
  const seconds = (time) => (Number.isFinite(time) && time > 0 ? Math.floor(time) : Math.floor(now / 1000));
  return {
    conversation: UUID4.test(conversation) ? conversation : makeId(),
    title:
      String(title || "…")
        .toWellFormed()
        .trim()
        .slice(0, 200) || "…",
    updated_at: seconds(at ?? messages.at(-1)?.created_at),
    pinned: kept.pinned === true,
    archived: kept.archived === true,
    folder: UUID4.test(kept.folder) ? kept.folder : null,
    messages: ordered(messages).map((message) => ({
      message: ids.get(message.message),
      parent: ids.get(message.parent) ?? null,
      role: message.role === "user" ? "user" : "assistant",
      text: String(message.text ?? "").toWellFormed(),
      thinking: String(message.thinking ?? "").toWellFormed(),
      model: String(message.model ?? "").slice(0, 200),
      created_at: seconds(message.created_at),
      ...beside(message, documents),
    })),
  };
}

/** The ids of a message's files and the places that it cites, as far as the export has those files. */
function beside({ attachments = [], sources = [] }, documents) {
  const known = (items) => items.filter(({ attachment }) => UUID4.test(attachment) && documents[attachment]);
  const files = known(attachments).map(({ attachment }) => attachment);
  const places = known(sources).map(({ n, attachment, page, start, end }) => ({ n, attachment, page, start, end }));
  return { ...(files.length && { attachments: files }), ...(places.length && { sources: places }) };
}

function ordered(messages) {
  const known = new Set(messages.map(({ message }) => message));
  const children = new Map();
  for (const message of messages) {
    const parent = known.has(message.parent) ? message.parent : null;
    children.set(parent, [...(children.get(parent) ?? []), message]);
  }
  const found = [];
  const waiting = [...(children.get(null) ?? [])];
  while (waiting.length) {
    const message = waiting.shift();
    found.push(message);
    waiting.push(...(children.get(message.message) ?? []));
  }
  return found;
}
