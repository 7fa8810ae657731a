/** A stored conversation, read page by page. */
import { Message } from "./message.js";

/** Return `{title, shown, messages}` with every message in order, as the wire has them. Throws RequestError. */
export async function readStored(session, conversation) {
  const pages = [];
  for (let before = undefined; before !== null; before = pages[0].next) {
    pages.unshift(await session.ask({ type: "conversation.open", conversation, before }));
  }
  const { title, shown } = pages[0];
  return { title, shown, messages: pages.flatMap((page) => page.messages) };
}

/** Put a stored conversation into a tree, its branch in view; returns its title. Throws RequestError. */
export async function openStored(session, conversation, { tree, clock }) {
  const { title, shown, messages } = await readStored(session, conversation);
  for (const wire of messages) tree.add(new Message(wire, clock));
  tree.reveal(tree.get(shown) ?? tree.all.at(-1));
  return title;
}
