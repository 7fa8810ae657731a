/** Which model answers, how its weights lay on the machine, and whose word that is. */
import { make } from "../lib/dom.js";
import { dateTime, list } from "../lib/format.js";
import { words } from "../lib/words.js";
import { weightsOf } from "../models/weights.js";
import { fillFacts } from "./facts.js";

/** Fill a box from a handshake and what the server says of its model; without a model it is hidden. */
export function fillWeights(box, handshake, model) {
  const weights = weightsOf(handshake, model);
  box.hidden = weights === null;
  box.replaceChildren(...(weights ? sentences(weights) : []).map((text) => make("p", { text })));
  return weights;
}

/** The same with the opening's particulars. */
export function fillWeightsWhole(box, handshake, model) {
  const opened = fillWeights(box, handshake, model)?.opened;
  if (!opened) return;
  const facts = make("dl", { className: "facts" });
  fillFacts(facts, factsOf(opened));
  box.append(facts);
}

/** How the weights of a listed model lay on the machine, in few words; empty where that is not known. */
export function storedWords({ opened }) {
  if (opened === undefined) return "";
  return opened ? words("model.opened", { broker: hostOf(opened.broker) }) : words("model.plain");
}

function sentences({ name, isMeasured, opened, isProved }) {
  const which = words(isMeasured ? "weights.measured" : "weights.unmeasured", { model: name });
  if (opened === undefined) return [which];
  if (opened === null) return [which, words("weights.plain")];
  return [which, words(isProved ? "weights.proved" : "weights.said", { broker: hostOf(opened.broker) })];
}

function factsOf({ at, broker, policies, owner_key: owner, manifest }) {
  return [
    [words("fact.opened"), dateTime(new Date(at * 1_000)), false],
    [words("fact.broker"), broker, false],
    [words("fact.broker_policies"), policies.length ? list(policies) : words("fact.unknown"), false],
    [words("fact.owner"), owner, true],
    [words("fact.model_manifest"), manifest, true],
  ];
}

function hostOf(broker) {
  return URL.canParse(broker) ? new URL(broker).host : broker;
}
