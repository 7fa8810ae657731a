/** Open WebUI's export: chats whose `history.messages` is a tree by id. */

/** Read one chat of it. Thinking stands in `<details type="reasoning">` before the answer. */
export function fromOpenWebUi(item) {
  const chat = item.chat ?? item;
  const messages = Object.values(chat.history.messages).map((message) => ({
    message: message.id,
    parent: message.parentId,
    role: message.role,
    ...wordsOf(message.content),
    model: message.model,
    created_at: message.timestamp,
  }));
  const { id: conversation, updated_at: at, pinned, archived } = item;
  return { conversation, title: chat.title ?? item.title, updated_at: at, pinned, archived, messages };
}

function wordsOf(content) {
  const text = typeof content === "string" ? content : JSON.stringify(content ?? "");
  const found = /^\s*<details type="reasoning"[^>]*>\s*(?:<summary>[^<]*<\/summary>)?([\s\S]*?)<\/details>/.exec(text);
  if (!found) return { text };
  return { text: text.slice(found[0].length).trim(), thinking: found[1].replace(/^> ?/gm, "").trim() };
}
