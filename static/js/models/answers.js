/** How answers come: asked for, taken in piece by piece, and followed again after a loss. */
import { RequestError } from "../protocol/errors.js";
import { GapError } from "./message.js";

/** Failures after which the same is asked again when a session stands: nothing is decided by them. */
const LOSSES = new Set(["not_ready", "connection_lost", "session_renewed", "session_ended"]);

/** Say whether an error is only the loss of a session. */
export function isLoss(error) {
  return LOSSES.has(error.code);
}

/**
 * Ask for an answer and take it in as it comes; `begin(id)` returns the message that grows, and so does this. Throws
 * RequestError unless the answer had begun: then it stays running, to be followed.
 */
export async function askForAnswer(session, request, begin) {
  let reply = null;
  try {
    const done = await session.ask(request, (event) => {
      if (event.type === "chat.started") reply = begin(event.reply);
      else take(reply, event);
    });
    reply.finish(done);
  } catch (error) {
    if (reply === null) throw explained(error, session, request.temporary);
  }
  return reply;
}

/** Go on with a running answer from where it was lost; one that nobody knows any more is incomplete. */
export async function followAnswer(session, reply, conversation) {
  const { id, offsets, resume } = reply;
  const { isTemporary: temporary } = conversation;
  try {
    const request = { type: "chat.resume", reply: id, offsets, resume, temporary };
    reply.finish(await session.ask(request, (event) => take(reply, event)));
  } catch (error) {
    if (isLoss(error)) return;
    if (error.code !== "offset" || (!offsets.thinking && !offsets.content)) return reply.lose();
    reply.clear();
    await followAnswer(session, reply, conversation);
  }
}

/**
 * Show a session that stores nothing an answer of the one before it, by the value that only that one knew: it then goes
 * on with what was said there. Where that is too long ago, the next prompt tells.
 */
export async function recall(session, messages, { isTemporary: temporary }) {
  const last = messages.findLast(({ resume }) => resume);
  const isKept = session.held === null || (session.held.isStored && !temporary);
  if (isKept || !last || last.resume === session.held.resume) return;
  const { id, offsets, resume } = last;
  try {
    await session.ask({ type: "chat.resume", reply: id, offsets, resume, temporary });
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
  }
}

/** Wait for what is only to be remembered: where that fails, what is shown stays as it is. */
export async function remember(answer) {
  try {
    await answer;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
  }
}

/** Where nothing is stored, a new session does not know what was said in the one before. */
function explained(error, session, isTemporary) {
  const isForgotten = error.code === "not_found" && (isTemporary || session.held?.isStored === false);
  return isForgotten ? new RequestError("forgotten") : error;
}

function take(reply, piece) {
  try {
    reply.append(piece);
  } catch (error) {
    if (!(error instanceof GapError)) throw error;
    reply.lose();
  }
}
