import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { lineOf, parseCcel } from "../../static/js/attestation/ccel.js";
import { isChanged, isContinuous, parseEventLog, replay } from "../../static/js/attestation/eventlog.js";
import { hex } from "../../static/js/crypto/encoding.js";
import { MalformedError } from "../../static/js/crypto/errors.js";

const DIRECTORY = fileURLToPath(new URL("../../../shared/vectors/eventlog/", import.meta.url));
const ABSENT = existsSync(DIRECTORY) ? false : `no test vectors: put them into ${DIRECTORY}`;
const PUBLISHED = {
  CCEL_AAEL_alibabacloud: ["b796e1c1", "3b0b9061", "35f28013", "5e4ecd49"],
  CCEL_data_ovmf: ["8566f998", "775b9f6b", "94eaf7a7", "00000000"],
};
const START = `INIT sha384/${"0".repeat(96)}\n`;
const refuses = (read) => assert.rejects(async () => read(), MalformedError);

for (const [name, registers] of Object.entries(PUBLISHED)) {
  test(`${name} reads and replays as its index says`, { skip: ABSENT }, async () => {
    const events = parseCcel(new Uint8Array(readFileSync(DIRECTORY + name)));
    const index = JSON.parse(readFileSync(`${DIRECTORY}${name}_out.json`, "utf8")).uefi_event_logs;
    assert.deepEqual(
      events.map(({ register, digest, data }) => [register + 1, hex(digest), Buffer.from(data).toString("base64")]),
      index.map((item) => [item.index, item.digests[0].digest, item.event]),
    );
    assert.equal((await Promise.all(events.map(isChanged))).some(Boolean), false);
    assert.deepEqual(
      (await replay(events)).map((register) => hex(register).slice(0, 8)),
      registers,
    );
  });

  test(`${name} is refused at every truncation inside an event`, { skip: ABSENT }, () => {
    const bytes = new Uint8Array(readFileSync(DIRECTORY + name));
    const whole = parseCcel(bytes).length;
    const lengths = [];
    for (let size = 0; size < 3000; size++) {
      try {
        lengths.push(parseCcel(bytes.subarray(0, size)).length);
      } catch (error) {
        assert.ok(error instanceof MalformedError, String(error));
      }
    }
    const shorter = lengths.filter((length) => length < whole);
    assert.equal(new Set(shorter).size, shorter.length, "only between two events");
  });
}

test("an application's log is lines behind the value that RTMR3 had", async () => {
  const log = await parseEventLog(null, `${START}coco.com some-operation some-content\n`);
  assert.deepEqual(log.application.map(lineOf), ["coco.com some-operation some-content"]);
  assert.equal(hex(log.application[0].digest).slice(0, 8), "2330183d");
  assert.equal(await isContinuous(log), true);
  assert.equal(await isContinuous(await parseEventLog(null, START.replace("/0", "/1"))), false);
  assert.deepEqual((await parseEventLog(null, null)).events, []);
});

test("what is no log is refused", async () => {
  for (const text of ["", START.slice(0, -1), `${START}two words\n`, `${START}a b c`, `${START}a b c\n\n`]) {
    await refuses(() => parseEventLog(null, text));
  }
  await refuses(() => parseEventLog(null, START + "a b c\n".repeat(4097)));
  await refuses(() => parseEventLog(new Uint8Array(10), null));
});
