/** How much of a model's context a conversation takes: counted by the model where it has answered, else estimated. */

/** As the server reckons when it decides what still fits (confchat/prompting.py, confchat/documents). */
const CAUTIOUS_BYTES_PER_TOKEN = 3;
const ANSWER_SHARE = 4;
const FRAME_BYTES = 160;
const RULE_BYTES = 220;
const IMAGE_TOKENS = 1000;

/** What texts take on average, until the model has counted some of this conversation. */
const USUAL_BYTES_PER_TOKEN = 4;

const size = (text) => new TextEncoder().encode(text).length;
const sizeOf = (messages) => messages.reduce((sum, { text }) => sum + size(text), 0);

/**
 * Return `{tokens, isExact, limit, leftOut, files, isPart}` for the messages on a branch, a draft and the documents
 * `waiting` to go with it: the tokens that the next prompt takes, or took where nothing was written since; `files` of
 * them are for documents, and `isPart` where only passages of those fit; `leftOut` messages at the beginning do not.
 */
export function contextUse(path, { draft, system, limit, waiting = [], sees = false }) {
  const attached = documentUse(path, { draft, system, limit, waiting, sees });
  const counted = path.findLastIndex(({ usage }) => usage?.prompt_tokens);
  const last = path[counted]?.usage;
  const isSaid = draft === "" && waiting.length === 0 && counted === path.length - 1;
  const isExact = isSaid && counted >= 0 && !path[counted].isRunning;
  const leftOut = messagesLeftOut(path, { draft, system, limit, taken: attached.bytes });
  const files = { files: attached.tokens, isPart: attached.isPart };
  if (isExact) return { tokens: last.prompt_tokens + (last.completion_tokens ?? 0), isExact, limit, leftOut, ...files };
  const before = path.slice(0, counted);
  const known = sizeOf(before) + size(system);
  const shown = last && documentUse(before, { draft: "", system, limit, waiting: [], sees }).tokens;
  const ratio = last && known > 200 ? Math.max(1, known / Math.max(1, last.prompt_tokens - shown)) : 0;
  const bytes = sizeOf(path) + size(system) + size(draft);
  const tokens = Math.round(bytes / (ratio || USUAL_BYTES_PER_TOKEN)) + attached.tokens;
  return { tokens, isExact, limit, leftOut, ...files };
}

function roomFor(system, limit) {
  return (limit - Math.floor(limit / ANSWER_SHARE)) * CAUTIOUS_BYTES_PER_TOKEN - size(system);
}

/** What documents take beside the last prompt: all of them, or half of the room for their nearest passages. */
function documentUse(path, { draft, system, limit, waiting, sees }) {
  const all = [...path.flatMap(({ attachments = [] }) => attachments), ...waiting];
  const known = [...new Map(all.map((item) => [item.attachment, item])).values()];
  const texts = known.filter(({ kind }) => kind !== "image");
  const images = sees ? IMAGE_TOKENS * (known.length - texts.length) : 0;
  if (texts.length === 0) return { bytes: 0, tokens: images, isPart: false };
  const room = roomFor(system, limit);
  const spare = room - size(draft || (path.at(-1)?.text ?? "")) - RULE_BYTES - 2 * FRAME_BYTES;
  const most = Math.max(0, Math.min(Math.floor(room / 2), spare));
  const cost = ({ tokens, pages, name }) => tokens * CAUTIOUS_BYTES_PER_TOKEN + pages * (FRAME_BYTES + size(name));
  const whole = texts.reduce((sum, item) => sum + cost(item), 0);
  const bytes = Math.min(whole, most);
  return { bytes, tokens: images + Math.round(bytes / USUAL_BYTES_PER_TOKEN), isPart: whole > most };
}

function messagesLeftOut(path, { draft, system, limit, taken }) {
  let room = roomFor(system, limit) - size(draft) - taken;
  const fitting = [...path].reverse().findIndex(({ text }) => (room -= size(text)) < 0);
  return fitting === -1 ? 0 : path.length - fitting;
}
