/** The checks as rows: what this browser found, beside what the server says that it found. */
import { clone, icon, make, setText, showText } from "../lib/dom.js";
import { checkFault, checkTitle, hasWords, words } from "../lib/words.js";

const ICONS = { pass: "check", fail: "x", unknown: "circle-question-mark", absent: "minus" };

/** A table row for each check of a handshake that was appraised. */
export function checkRows(handshake) {
  return pairs(handshake).map(({ mine, theirs }) => {
    const { element, parts } = clone("check-row");
    setText(parts.title, checkTitle(mine.id, handshake.result));
    parts.mine.append(mark(mine.status));
    parts.theirs.append(mark(theirs));
    return element;
  });
}

/** A list item for each check, with what it means when it did not pass, and with its source. */
export function checkItems(handshake) {
  return pairs(handshake).map(({ mine, theirs }) => {
    const { element, parts } = clone("check-item");
    parts.mine.append(mark(mine.status));
    setText(parts.title, checkTitle(mine.id, handshake.result));
    showText(parts.fault, faultOf(mine));
    showText(parts.detail, mine.status === "pass" ? "" : mine.detail);
    setText(parts.id, mine.id);
    setText(parts.source, sourceWords(mine.source, handshake.result));
    setText(parts.server, words("server.said", { status: words(`status.${theirs}`) }));
    return element;
  });
}

function pairs({ result, verdict }) {
  const theirs = new Map((verdict?.checks ?? []).map(({ id, status }) => [id, status]));
  return result.checks.map((mine) => ({ mine, theirs: known(theirs.get(mine.id)) }));
}

/** The server's words are not believed, not even as a key. */
function known(status) {
  return Object.hasOwn(ICONS, status ?? "") ? status : "absent";
}

/** Who speaks in a check. */
function sourceWords(source, { simulated }) {
  const key = `source.${source}.simulated`;
  return words(simulated && hasWords(key) ? key : `source.${source}`);
}

function faultOf({ id, status }) {
  if (status === "fail") return checkFault(id);
  return status === "unknown" ? words("check.unknown", { title: checkTitle(id) }) : "";
}

export function mark(status) {
  return make("span", {
    className: `mark is-${status}`,
    children: [icon(ICONS[status]), make("span", { text: words(`status.${status}`) })],
  });
}
