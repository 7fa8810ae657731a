/** What `td.workload` says, in one sentence each; as passed.js and reasons.js. */

export const WORKLOAD_PASSED = {
  "td.workload":
    "What runs was measured, and is of release {version}: the application, {server} and the model {model}.",
};

export const WORKLOAD_REASONS = {
  event_log_malformed: "The log of what was started cannot be read.",
  event_log_begins: "Something was measured before the log of it begins.",
  event_log_differs: "The events in the log do not lead to {names} as the processor reports it.",
  event_differs: "Event {number} is not what was measured: {event}.",
  event_unknown: "The release does not know this event: {event}.",
  application_differs: "These files of the application are not those of the release: {names}.",
  server_differs: "The model server is not one of the release: {server}.",
  blob_differs: "These files of the model {model} are not what they should be: {blobs}.",
};

export const WORKLOAD_UNCHECKED = {
  workload: "the machine measures nothing of what it runs",
  parts: "a part of what runs was not measured",
  endpoint: "the model runs outside of this machine, where prompts are read and nobody attests by what",
};
