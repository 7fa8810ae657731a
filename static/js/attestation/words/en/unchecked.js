/** Why something was not checked. */
export const UNCHECKED = {
  sentence: "Not checked: {why}.",
  report: "the report cannot be read",
  certificate: "its certificate cannot be read",
  list: "Intel's list cannot be read",
  crl: "the list of revoked certificates cannot be read",
  statement: "what the machine says cannot be read",
  eventLog: "the log of what was started cannot be read",
  release: "the release that it names is not known here",
  request: "the request that it answers is not known here",
  suites: "the kinds of key that were asked for are not known here",
  operator: "the address or the operator's key is not known here",
  elapsed: "how long the answer took is not known here",
};
