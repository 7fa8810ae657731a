/** How much of a model's context a conversation takes: counted by the model where it has answered, else estimated. */

/** As the server reckons when it decides what still fits (confchat/prompting.py). */
const CAUTIOUS_BYTES_PER_TOKEN = 3;
const ANSWER_SHARE = 4;

/** What texts take on average, until the model has counted some of this conversation. */
const USUAL_BYTES_PER_TOKEN = 4;

const size = (text) => new TextEncoder().encode(text).length;

/**
 * Return `{tokens, isExact, limit, leftOut}` for the messages on a branch and a draft: the tokens that the next prompt
 * takes, or took where nothing was written since; `leftOut` messages at the beginning no longer fit.
 */
export function contextUse(path, { draft, system, limit }) {
  const counted = path.findLastIndex(({ usage }) => usage?.prompt_tokens);
  const last = path[counted]?.usage;
  const isExact = draft === "" && counted === path.length - 1 && counted >= 0 && !path[counted].isRunning;
  const leftOut = messagesLeftOut(path, { draft, system, limit });
  if (isExact) return { tokens: last.prompt_tokens + (last.completion_tokens ?? 0), isExact, limit, leftOut };
  const known = path.slice(0, counted).reduce((sum, { text }) => sum + size(text), size(system));
  const ratio = last && known > 200 ? Math.max(1, known / last.prompt_tokens) : USUAL_BYTES_PER_TOKEN;
  const bytes = path.reduce((sum, { text }) => sum + size(text), size(system) + size(draft));
  return { tokens: Math.round(bytes / ratio), isExact, limit, leftOut };
}

function messagesLeftOut(path, { draft, system, limit }) {
  let room = (limit - Math.floor(limit / ANSWER_SHARE)) * CAUTIOUS_BYTES_PER_TOKEN - size(system) - size(draft);
  const fitting = [...path].reverse().findIndex(({ text }) => (room -= size(text)) < 0);
  return fitting === -1 ? 0 : path.length - fitting;
}
