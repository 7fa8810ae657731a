/** One line for the attestation service: who it is, what it said, and whether this browser verified its token. */
import { make } from "../lib/dom.js";
import { saidWords, tokenWords, whoWords } from "../lib/service_words.js";
import { mark } from "./check_rows.js";

const STATUS = { affirms: "pass", unread: "unknown", unpinned: "absent" };

/** Fill a paragraph with what `serviceOf` found; null hides it. */
export function fillService(paragraph, service) {
  paragraph.hidden = service === null;
  if (service === null) return paragraph.replaceChildren();
  const said = [whoWords(service), saidWords(service), tokenWords(service)].filter(Boolean).join(" ");
  paragraph.replaceChildren(mark(STATUS[service.said] ?? "fail"), make("span", { text: said }));
}
