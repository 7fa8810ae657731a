/** The first version kept history keys in localStorage, in clear: such a key is moved to where keys are wrapped. */
import { b64decode } from "../crypto/encoding.js";

const NAME = "confchat.history-key.";
const KEY_SIZE = 32;

/**
 * Return the user's record in `store`, or null. It is made by `wrapped(key)` of an earlier key, and written, where the
 * server has accepted no later one. What lay in clear is removed once the record is durable.
 */
export async function takeOver(user, { store, storage, wrapped }) {
  const record = await store.read(user);
  const text = storage?.getItem(NAME + user) ?? null;
  if (text === null) return record;
  const { key, isEnrolled } = JSON.parse(text);
  const isWanted = record === null || (isEnrolled && !record.isEnrolled);
  const kept = isWanted ? { ...(await wrapped(b64decode(key, KEY_SIZE))), isEnrolled, isCodeKept: false } : record;
  if (isWanted) await store.write(user, kept);
  storage.removeItem(NAME + user);
  return kept;
}
