/** ChatGPT's export (`conversations.json`): a tree of nodes by id, of which only some say something. */

/** Read one conversation of it; nodes without words are left out, and their children hang on what is before them. */
export function fromChatGpt({ id, conversation_id: other, title, update_time: at, is_archived: archived, mapping }) {
  const nodes = Object.values(mapping);
  const told = nodes.filter((node) => textOf(node.message) !== "" && !isHidden(node.message));
  const known = new Set(told.map((node) => node.id));
  const messages = told.map((node) => ({
    message: node.id,
    parent: toldBefore(node.parent, { mapping, known }),
    role: node.message.author?.role,
    text: textOf(node.message),
    model: node.message.metadata?.model_slug,
    created_at: node.message.create_time,
  }));
  return { conversation: id ?? other, title, updated_at: at, archived, messages };
}

function toldBefore(start, { mapping, known }) {
  let id = start;
  while (id && !known.has(id)) id = mapping[id]?.parent;
  return id ?? null;
}

function isHidden(message) {
  return message.metadata?.is_visually_hidden_from_conversation === true || message.author?.role === "system";
}

/** The words of a message; what is no text is named in brackets, so that nothing vanishes unseen. */
function textOf(message) {
  const { content_type: type, parts, text, result } = message?.content ?? {};
  if (Array.isArray(parts)) return parts.map(partText).join("\n").trim();
  if (type === "code" && text) return `\`\`\`\n${text}\n\`\`\``;
  return String(text ?? result ?? "").trim();
}

function partText(part) {
  if (typeof part === "string") return part;
  return part?.text ?? `[${part?.content_type ?? "attachment"}]`;
}
