/** The third layer of the details: everything that was shown and compared, to read, copy and take away. */
import { copyText, saveFile } from "../lib/copy.js";
import { clone } from "../lib/dom.js";
import { words } from "../lib/words.js";
import { evidenceTexts, quoteBytes, quoteFields, statementFields } from "../models/evidence.js";
import { fillFacts, recordFacts } from "./facts.js";

/** Build the sections for a handshake that was appraised; `onCopied(isDone)` is told after each copy. */
export function evidenceSections(handshake, onCopied) {
  const { result, record } = handshake;
  const texts = evidenceTexts(handshake);
  const quote = {
    label: words("evidence.save_quote"),
    name: `${record}.quote.bin`,
    bytes: () => quoteBytes(handshake),
  };
  const contents = {
    summary: { facts: recordFacts(handshake) },
    quote: { facts: asFacts(result.quote, quoteFields), extra: quote },
    statement: { facts: asFacts(result.statement, statementFields), raw: texts.statement, file: "statement.json" },
    pck: { raw: texts.pck, file: "pck.pem" },
    collateral: { raw: texts.collateral, file: "collateral.json" },
    token: { raw: texts.token, file: "token.txt" },
    events: { raw: texts.events, file: "events.txt" },
    ...(texts.gpu && { gpu: { raw: texts.gpu, file: "gpu.json" } }),
    raw: { raw: texts.raw, file: "json" },
  };
  return Object.entries(contents).map(([name, content]) => {
    const file = content.file && `${record}.${content.file}`;
    return section(words(`evidence.${name}`), { ...content, file }, onCopied);
  });
}

function asFacts(value, fieldsOf) {
  return value ? fieldsOf(value).map(([name, text]) => [name, text, true]) : [];
}

function section(title, { facts = [], raw = "", file, extra }, onCopied) {
  const { element, parts } = clone("evidence-section");
  const whole = raw || facts.map(([label, value]) => `${label}: ${value}`).join("\n");
  parts.title.textContent = title;
  fillFacts(parts.facts, facts);
  parts.raw.hidden = !raw && facts.length > 0;
  parts.raw.textContent = raw || words("evidence.none");
  if (whole) parts.tools.append(button(words("evidence.copy"), async () => onCopied(await copyText(whole))));
  if (whole && file) parts.tools.append(button(words("evidence.save"), () => saveFile(file, whole)));
  if (extra) parts.tools.append(button(extra.label, () => saveFile(extra.name, extra.bytes())));
  return element;
}

function button(label, onClick) {
  const { element } = clone("small-button");
  element.textContent = label;
  element.addEventListener("click", onClick);
  return element;
}
