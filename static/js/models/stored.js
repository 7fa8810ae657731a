/** A stored conversation, read page by page. */
import { Message } from "./message.js";

const UNDER_WAY = new Set(["running", "sending"]);

/** Return `{title, shown, messages}` with every message in order, as the wire has them. Throws RequestError. */
export async function readStored(session, conversation) {
  const pages = [];
  for (let before = undefined; before !== null; before = pages[0].next) {
    pages.unshift(await session.ask({ type: "conversation.open", conversation, before }));
  }
  const { title, shown } = pages[0];
  return { title, shown, messages: pages.flatMap((page) => page.messages) };
}

/**
 * Take into a tree what other sessions have said since it was read; what is under way here is let be. Returns
 * `{title, running}`, the latter the answers that are being given and that nobody here follows. Throws RequestError.
 */
export async function takeNews(session, conversation, { tree, clock }) {
  const pages = [];
  for (let before = undefined; before !== null;) {
    const page = await session.ask({ type: "conversation.open", conversation, before });
    pages.unshift(page);
    before = tree.get(page.messages[0]?.message) ? null : page.next;
  }
  const found = pages.flatMap((page) => page.messages).filter((wire) => take(tree, wire, clock));
  const running = found.map(({ message }) => tree.get(message)).filter(({ isRunning }) => isRunning);
  return { title: pages[0].title, running };
}

/** Returns whether there was something new in it. */
function take(tree, wire, clock) {
  const known = tree.get(wire.message);
  if (!known) tree.append(new Message(wire, clock));
  else if (UNDER_WAY.has(known.state) || isSame(known, wire) || isBehind(known, wire)) return false;
  else known.renew(wire);
  return true;
}

function isSame(known, { state, text, reason }) {
  return known.state === state && known.text === text && known.reason === reason;
}

/** Read while the answer ended, which was told first. */
function isBehind(known, { state, text }) {
  return state === "running" && known.text.length > text.length;
}

/** Put a stored conversation into a tree, its branch in view; returns its title. Throws RequestError. */
export async function openStored(session, conversation, { tree, clock }) {
  const { title, shown, messages } = await readStored(session, conversation);
  for (const wire of messages) tree.add(new Message(wire, clock));
  tree.reveal(tree.get(shown) ?? tree.all.at(-1));
  return title;
}
