import assert from "node:assert/strict";
import { test } from "node:test";
import { weightsOf } from "../../static/js/models/weights.js";

const DIGEST = `sha256:${"ab".repeat(32)}`;
const OPENED = {
  at: 1_790_000_000,
  way: "mount",
  broker: "https://broker.example",
  owner_key: "A6EH",
  manifest: `sha256:${"cd".repeat(32)}`,
  policies: ["default"],
};
const model = (opened, changes = {}) => ({ name: "small", digest: DIGEST, opened, ...changes });

/** A handshake whose log holds these lines, and whose `td.workload` came out so; without a status there is none. */
function handshake({ status = "pass", lines = [] } = {}) {
  const checks = [{ id: "td.measurements", status: "pass" }, ...(status ? [{ id: "td.workload", status }] : [])];
  return {
    result: { statement: { modelName: "small", modelDigest: DIGEST }, checks },
    evidence: { event_log: { ccel: null, aael: `INIT sha384/00\n${lines.map((line) => `${line}\n`).join("")}` } },
  };
}

function lineOf({ broker, manifest, owner_key }, changes = {}) {
  return `model opened ${JSON.stringify({ broker, key: "kbs:///a/b/c", manifest, model: "small", owner_key, ...changes })}`;
}

test("an opening that the judged log holds is proved", () => {
  const weights = weightsOf(handshake({ lines: ["operator variables {}", lineOf(OPENED)] }), model(OPENED));
  assert.deepEqual(weights, { name: "small", isMeasured: true, opened: OPENED, isProved: true });
});

for (const [name, scene] of Object.entries({
  "no log says so": {},
  "the log is another's": { lines: [lineOf(OPENED, { broker: "https://another.example" })] },
  "the log has another model": { lines: [lineOf(OPENED, { manifest: DIGEST })] },
  "the log's line is no JSON": { lines: ["model opened {"] },
  "the workload was not measured": { status: "", lines: [lineOf(OPENED)] },
  "the workload is not the released one": { status: "fail", lines: [lineOf(OPENED)] },
}))
  test(`an opening is the server's word where ${name}`, () => {
    const { isProved, opened } = weightsOf(handshake(scene), model(OPENED));
    assert.deepEqual([isProved, opened], [false, OPENED]);
  });

test("what is said of another model than the one that answers counts for nothing", () => {
  const proof = handshake({ lines: [lineOf(OPENED)] });
  for (const other of [null, model(OPENED, { name: "large" }), model(OPENED, { digest: OPENED.manifest })])
    assert.deepEqual(weightsOf(proof, other), { name: "small", isMeasured: true, opened: undefined, isProved: false });
});

test("weights that lie there in clear are not called opened", () => {
  assert.deepEqual(weightsOf(handshake(), model(null)), {
    name: "small",
    isMeasured: true,
    opened: null,
    isProved: false,
  });
});

test("without a statement nothing is said", () => {
  assert.equal(weightsOf(null, model(OPENED)), null);
  assert.equal(weightsOf({ result: { statement: null, checks: [] } }, null), null);
});
