/** A stored conversation, read page by page into a tree of messages. */
import { Message } from "./message.js";

/** Resolves to the conversation's title. Throws RequestError. */
export async function openStored(session, conversation, { tree, clock }) {
  const pages = [];
  for (let before = undefined; before !== null; before = pages[0].next) {
    pages.unshift(await session.ask({ type: "conversation.open", conversation, before }));
  }
  const messages = pages.flatMap((page) => page.messages).map((wire) => new Message(wire, clock));
  for (const message of messages) tree.add(message);
  tree.reveal(messages.at(-1));
  return pages[0].title;
}
