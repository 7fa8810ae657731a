/** A line for each attestation service: who it is, what it said, and whether this browser verified its token. */
import { make } from "../lib/dom.js";
import { saidWords, tokenWords, whoWords } from "../lib/service_words.js";
import { mark } from "./check_rows.js";

const STATUS = { affirms: "pass", unread: "unknown", unpinned: "absent" };

/** Fill a list with what `servicesOf` found, side by side where there is room; an empty one is hidden. */
export function fillServices(list, services) {
  list.hidden = services.length === 0;
  list.replaceChildren(...services.map(serviceItem));
}

function serviceItem(service) {
  const said = [saidWords(service), tokenWords(service)].filter(Boolean).join(" ");
  const item = make("li", { className: "service" });
  const lines = make("div");
  lines.append(make("p", { className: "service-who", text: whoWords(service) }), make("p", { text: said }));
  item.append(mark(STATUS[service.said] ?? "fail"), lines);
  return item;
}
