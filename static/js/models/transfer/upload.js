/** What was read from a file, sent into the session in sealed pages. */
import { b64encode } from "../../crypto/encoding.js";

const PAGE_BYTES = 400 * 1024;
const PAGE_MESSAGES = 400;
const PIECE_BYTES = 480 * 1024;

/**
 * Store conversations, the folders they lie in and their documents; `own` is the session's conversation, through which
 * files come in; `onProgress(done, count)`. Returns the names of the documents that were refused. Throws RequestError.
 */
export async function upload(session, { folders, conversations, documents = {} }, { own, onProgress = () => {} }) {
  const refused = [];
  for (const { folder, name } of folders) await session.ask({ type: "folder.name", folder, name });
  for (const [i, { messages, ...rest }] of conversations.entries()) {
    for (const page of pages(messages)) refused.push(...(await sendPage(session, rest, page, { documents, own })));
    onProgress(i + 1, conversations.length);
  }
  return refused.map((id) => documents[id].name);
}

/** Send a page of messages after its documents; returns the ids of those that were refused. Throws RequestError. */
async function sendPage(session, rest, messages, { documents, own }) {
  const ids = [...new Set(messages.flatMap(({ attachments = [] }) => attachments))];
  const refused = [];
  for (const id of ids) if (!(await sendDocument(session, id, documents[id], own))) refused.push(id);
  try {
    await session.ask({ type: "conversation.import", ...rest, messages });
    return refused;
  } catch (error) {
    if (error.code !== "attachments_quota") throw error;
  }
  for (const id of ids) await session.ask({ type: "attachment.drop", attachment: id });
  const bare = messages.map((message) => ({ ...message, attachments: [], sources: [] }));
  await session.ask({ type: "conversation.import", ...rest, messages: bare });
  return ids;
}

/** Send what an export has of a document; returns whether it was taken. */
async function sendDocument(session, attachment, exported, conversation) {
  const data = new TextEncoder().encode(JSON.stringify(exported));
  const name = String(exported.name).toWellFormed().slice(0, 200) || "?";
  try {
    const begin = { type: "attachment.begin", conversation, attachment, name, size: data.length };
    let { offset } = await session.ask(begin);
    while (offset < data.length) {
      const piece = b64encode(data.subarray(offset, offset + PIECE_BYTES));
      ({ offset } = await session.ask({ type: "attachment.put", attachment, offset, data: piece }));
    }
    await session.ask({ type: "attachment.restore", attachment });
    return true;
  } catch (error) {
    if (!REFUSALS.has(error.code)) throw error;
    await session.ask({ type: "attachment.drop", attachment });
    return false;
  }
}

/** One that is not a document any more, or too large, must not keep the words from coming in. */
const REFUSALS = new Set([
  "attachment_too_large",
  "attachments_full",
  "document_unreadable",
  "document_too_large",
  "document_too_much",
  "document_unconfined",
  "image_too_large",
]);

function pages(messages) {
  const found = [[]];
  let size = 0;
  for (const message of messages) {
    const bytes = new TextEncoder().encode(JSON.stringify(message)).length;
    const isFull = found.at(-1).length === PAGE_MESSAGES || message.attachments !== undefined;
    if (found.at(-1).length && (size + bytes > PAGE_BYTES || isFull)) {
      found.push([]);
      size = 0;
    }
    found.at(-1).push(message);
    size += bytes;
  }
  return found;
}
