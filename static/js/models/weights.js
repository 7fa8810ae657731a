/** The weights that answer: how they lay on the machine, and what of that its report proves. */
import { parseJson, utf8 } from "../crypto/encoding.js";
import { MalformedError } from "../crypto/errors.js";

/** How the event log says that a model was opened (docs/PROTOCOL.md section 8). */
const OPENED = "model opened ";
const TOLD = ["broker", "manifest", "owner_key"];

/**
 * Return `{name, isMeasured, opened, isProved}` for the model of a handshake; null where it has no statement.
 *
 * `model` is what `model.list` says of it, or null. `opened` is undefined where nothing is known, and null where the
 * weights lie on the machine in clear. `isMeasured`: the quote vouches for the files; `isProved`: for the opening, too.
 */
export function weightsOf(handshake, model) {
  const { statement, checks } = handshake?.result ?? {};
  if (!statement) return null;
  const isIt = model?.name === statement.modelName && model.digest === statement.modelDigest;
  const opened = isIt ? model.opened : undefined;
  const isMeasured = checks.some(({ id, status }) => id === "td.workload" && status === "pass");
  const isProved = Boolean(opened) && isMeasured && isLogged(handshake.evidence.event_log.aael, opened);
  return { name: statement.modelName, isMeasured, opened, isProved };
}

/** Whether the log, which `td.workload` has judged, has the event of this opening. */
function isLogged(aael, opened) {
  const lines = (aael ?? "").split("\n").filter((line) => line.startsWith(OPENED));
  return lines.some((line) => {
    const logged = membersOf(line.slice(OPENED.length));
    return TOLD.every((name) => logged?.[name] === opened[name]);
  });
}

function membersOf(text) {
  try {
    return parseJson(utf8(text));
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}
