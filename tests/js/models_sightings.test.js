import assert from "node:assert/strict";
import { test } from "node:test";
import { MemoryStorage } from "./stand_in.js";
import { b64encode } from "../../static/js/crypto/encoding.js";
import { LogKeyPin, ReleaseKeyPin } from "../../static/js/models/pins.js";
import { Sightings, lastSeen } from "../../static/js/models/sightings.js";

const DAY_MS = 86_400_000;
const ORIGIN = "https://chat.example";
const key = (byte) => b64encode(new Uint8Array(32).fill(byte));

/** A handshake as it stands after its appraisal: registers full of one byte, but for `changed`. */
function appraised({
  changed = {},
  release = "1.0.0",
  model = "small",
  tcbStatus = "UpToDate",
  isAffirmed = true,
} = {}) {
  const registers = ["mrTd", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "mrSeam"];
  const report = Object.fromEntries(registers.map((name) => [name, new Uint8Array(48).fill(changed[name] ?? 1)]));
  const digests = { releaseDigest: new Uint8Array(32).fill(release.length), modelDigest: `sha256:${model}` };
  const statement = { releaseVersion: release, modelName: model, ...digests };
  const result = { quote: { report }, statement, tcbStatus, simulated: false, validUntil: new Date(DAY_MS) };
  return { result, isAffirmed };
}

function makeBrowser({ storage = new MemoryStorage(), logKey = 1, releaseKey = 2, at = 1 } = {}) {
  const config = { log: { origin: "chat.example/log", key: key(logKey) }, trust: { release_key: key(releaseKey) } };
  const pins = [new LogKeyPin(config.log, storage), new ReleaseKeyPin(config, storage)];
  const clock = { at, now: () => clock.at };
  return { storage, clock, pins, sightings: new Sightings({ pins, storage, clock, origin: ORIGIN }) };
}

const names = (changes) => changes.map(({ name }) => name);

test("what is seen first is kept, and is no news", () => {
  const { sightings, storage, pins } = makeBrowser();
  sightings.keep(appraised());
  const seen = lastSeen(storage);
  assert.deepEqual([seen.origin, seen.news, seen.firstAt], [ORIGIN, null, 1]);
  assert.equal(seen.values.mrTd.value, "01".repeat(48));
  assert.ok(pins.every(({ pinned }) => pinned.since === 1));
});

test("the same again keeps the time since when it is so", () => {
  const { sightings, clock } = makeBrowser();
  sightings.keep(appraised());
  clock.at = DAY_MS;
  sightings.keep(appraised());
  assert.deepEqual([sightings.last.values.mrTd.since, sightings.last.at, sightings.last.news], [1, DAY_MS, null]);
});

test("a new release is news, with what it was and since when, until it is noted", () => {
  const { sightings, clock } = makeBrowser();
  sightings.keep(appraised());
  clock.at = DAY_MS;
  sightings.keep(appraised({ release: "1.0.10", changed: { rtmr2: 7 } }));
  const { news } = sightings.last;
  assert.deepEqual(names(news.changes), ["release", "releaseDigest", "rtmr2"]);
  assert.deepEqual(news.changes[0], { name: "release", old: "1.0.0", value: "1.0.10", since: 1 });
  sightings.keep(appraised({ release: "1.0.10", changed: { rtmr2: 7 } }));
  assert.equal(sightings.last.news.changes.length, 3);
  sightings.note();
  assert.equal(sightings.last.news, null);
  assert.equal(sightings.last.values.release.since, DAY_MS);
});

test("what is compared is not kept: a machine that was not affirmed stays different", () => {
  const { sightings } = makeBrowser();
  sightings.keep(appraised());
  const other = appraised({ changed: { mrTd: 9, rtmr2: 9 }, isAffirmed: false });
  assert.deepEqual(names(sightings.compare(other)), ["mrTd", "rtmr2"]);
  assert.deepEqual(names(sightings.compare(other)), ["mrTd", "rtmr2"]);
});

test("a status or a model that changes within what is accepted is told too", () => {
  const { sightings } = makeBrowser();
  sightings.keep(appraised());
  assert.deepEqual(names(sightings.compare(appraised({ tcbStatus: "SWHardeningNeeded" }))), ["tcbStatus"]);
  assert.deepEqual(names(sightings.compare(appraised({ model: "large" }))), ["model", "modelDigest"]);
});

test("evidence that cannot be read differs in nothing that could be named", () => {
  const { sightings } = makeBrowser();
  sightings.keep(appraised());
  const result = { quote: null, statement: null, tcbStatus: null, simulated: false, validUntil: null };
  assert.deepEqual(sightings.compare({ result }), []);
});

test("another key than the pinned one is not followed before the user accepts it", () => {
  const { storage, sightings } = makeBrowser();
  sightings.keep(appraised());
  const later = makeBrowser({ storage, logKey: 3, releaseKey: 4, at: DAY_MS });
  later.sightings.keep(appraised());
  for (const [pin, byte] of [
    [later.pins[0], 1],
    [later.pins[1], 2],
  ]) {
    assert.equal(pin.hasChanged, true);
    assert.equal(b64encode(pin.key), key(byte));
  }
  assert.equal(later.sightings.last.news, null);
  for (const pin of later.pins) pin.accept(DAY_MS);
  assert.deepEqual(names(later.sightings.compare(appraised())), ["logKey", "releaseKey"]);
});

test("only a session that is proved, affirmed and without risk is kept", () => {
  const { sightings } = makeBrowser();
  const session = new EventTarget();
  sightings.follow(session);
  const refused = [
    { state: "checking", held: null },
    { state: "ready", held: { handshake: appraised({ isAffirmed: false }), isRisk: false } },
    { state: "ready", held: { handshake: appraised(), isRisk: true } },
    { state: "requesting", held: { handshake: appraised(), isRisk: false } },
  ];
  for (const state of refused) {
    Object.assign(session, state).dispatchEvent(new Event("change"));
    assert.equal(sightings.last, null);
  }
  Object.assign(session, { state: "ready", held: { handshake: appraised(), isRisk: false } });
  session.dispatchEvent(new Event("change"));
  assert.equal(sightings.last.values.release.value, "1.0.0");
});

test("a model that the user chose himself is no news, and neither is the way back", () => {
  const { sightings } = makeBrowser();
  sightings.keep(appraised());
  const chosen = { ...appraised({ model: "large" }), model: "large" };
  assert.deepEqual(sightings.compare(chosen), []);
  sightings.keep(chosen);
  assert.deepEqual(sightings.compare(appraised()), []);
});
