/** Everything a user has said, taken out of sealed pages: as JSON that can be brought back, and as Markdown. */
import { readStored } from "../stored.js";

export const FORMAT = "confchat/1 export";

/** Read conversations whole; `onProgress(done, count)`. Returns the export as an object. Throws RequestError. */
export async function collect(session, items, { folders, now, onProgress = () => {} }) {
  const conversations = [];
  const documents = {};
  for (const item of items) {
    const { title, shown, messages } = await readStored(session, item.conversation);
    Object.assign(documents, await readDocuments(session, item.conversation, messages));
    conversations.push({ ...item, title, shown, messages });
    onProgress(conversations.length, items.length);
  }
  return { format: FORMAT, exported_at: new Date(now).toISOString(), folders, conversations, documents };
}

/** What was read of the files that are attached to messages, by their ids. */
async function readDocuments(session, conversation, messages) {
  const documents = {};
  for (const told of messages.flatMap(({ attachments = [] }) => attachments)) {
    const { attachment, kind, pages } = told;
    if (attachment in documents) continue;
    const numbers = kind === "image" ? [0] : Array.from({ length: pages }, (_, at) => at + 1);
    const found = [];
    for (const page of numbers) {
      found.push(await session.ask({ type: "attachment.open", conversation, attachment, page }));
    }
    documents[attachment] = { ...told, texts: found.map(({ text }) => text), image: found[0]?.image ?? null };
  }
  return documents;
}

/**
 * One Markdown text of an export: each conversation's branch in view, `names` are `{user, assistant, untitled}` and
 * `files(names)`, which says what was attached.
 */
export function toMarkdown({ conversations }, names) {
  return conversations.map((conversation) => markdownOf(conversation, names)).join("\n\n---\n\n");
}

function markdownOf({ title, shown, messages }, names) {
  const told = branch(messages, shown).map((message) => said(message, names));
  return [`# ${(title || names.untitled).replace(/\s+/g, " ")}`, ...told].join("\n\n");
}

function said({ role, text, attachments = [] }, names) {
  const files = attachments.length ? [`*${names.files(attachments.map(({ name }) => name))}*`] : [];
  return [`## ${names[role]}`, ...files, text.trim()].join("\n\n");
}

/** The messages from the first one to `shown`, or to the newest. */
export function branch(messages, shown) {
  const known = new Map(messages.map((message) => [message.message, message]));
  const path = [];
  for (let at = known.get(shown) ?? messages.at(-1); at && path.length < messages.length; at = known.get(at.parent)) {
    path.unshift(at);
  }
  return path;
}
