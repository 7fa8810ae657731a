/** What was read from a file, sent into the session in sealed pages. */

const PAGE_BYTES = 400 * 1024;
const PAGE_MESSAGES = 400;

/** Store conversations and the folders they lie in; `onProgress(done, count)`. Throws RequestError. */
export async function upload(session, { folders, conversations }, onProgress = () => {}) {
  for (const { folder, name } of folders) await session.ask({ type: "folder.name", folder, name });
  for (const [i, { messages, ...rest }] of conversations.entries()) {
    for (const page of pages(messages)) await session.ask({ type: "conversation.import", ...rest, messages: page });
    onProgress(i + 1, conversations.length);
  }
}

function pages(messages) {
  const found = [[]];
  let size = 0;
  for (const message of messages) {
    const bytes = new TextEncoder().encode(JSON.stringify(message)).length;
    if (found.at(-1).length && (size + bytes > PAGE_BYTES || found.at(-1).length === PAGE_MESSAGES)) {
      found.push([]);
      size = 0;
    }
    found.at(-1).push(message);
    size += bytes;
  }
  return found;
}
