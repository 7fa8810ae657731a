/** A server, a clock and a verifier for tests of the page's models: real parts behind the same interfaces. */
import { createHash } from "node:crypto";
import {
  AEAD_AES_256_GCM,
  CipherSuite,
  KDF_HKDF_SHA256,
  KEM_DHKEM_X25519_HKDF_SHA256,
} from "../../static/vendor/hpke.js";
import { b64decode, b64encode, fromUtf8, utf8 } from "../../static/js/crypto/encoding.js";
import { worseOutcome } from "../../static/js/models/gate.js";
import { HistoryKey } from "../../static/js/models/history_key.js";
import { LogView } from "../../static/js/models/log_view.js";
import { LogKeyPin } from "../../static/js/models/pins.js";
import { Session } from "../../static/js/models/session.js";
import { Socket } from "../../static/js/protocol/socket.js";
import { ServerChannel, padded } from "./server_channel.js";

export const USER = "0b5f6c1e-98a5-4b51-9d3c-0d6c7a3f2f11";
export const LIFETIME_MS = 600_000;
const LOG_ORIGIN = "chat.example/log";

/** So long a busy machine may take for what an idle one does in milliseconds. */
const PATIENCE_MS = 20_000;

/** Resolves when something holds; fails when patience ends. */
export async function until(holds, what = holds) {
  const givenUpAt = performance.now() + PATIENCE_MS;
  while (performance.now() < givenUpAt) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`never came true: ${what}`);
}

/** Long enough for what should not happen to have happened. */
export const aWhile = () => new Promise((resolve) => setTimeout(resolve, 60));

/** A clock that stands until it is moved. */
export class ManualClock {
  ms = 1_790_000_000_000;
  #timers = new Set();

  /** How far the wall clock was set; the monotonic one cannot be. */
  setBy = 0;

  now() {
    return this.ms + this.setBy;
  }

  elapsed() {
    return this.ms;
  }

  after(ms, work) {
    const timer = { at: this.ms + ms, work };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Move on; `isAsleep` leaves out the timers, as a sleeping computer does. */
  advance(ms, { isAsleep = false } = {}) {
    this.ms += ms;
    if (isAsleep) return;
    for (const timer of [...this.#timers].sort((a, b) => a.at - b.at)) {
      if (timer.at <= this.ms && this.#timers.delete(timer)) timer.work();
    }
  }
}

export class MemoryStorage extends Map {
  getItem(name) {
    return this.get(name) ?? null;
  }

  setItem(name, value) {
    this.set(name, value);
  }

  removeItem(name) {
    this.delete(name);
  }
}

/** Where history keys lie, without a browser. */
export class MemoryKeyStore extends Map {
  async read(user) {
    return this.get(user) ?? null;
  }

  async begin(user, record) {
    if (!this.has(user)) this.set(user, record);
    return this.get(user);
  }

  async write(user, record) {
    this.set(user, record);
  }
}

/** Where drafts lie, without a browser; of one user. */
export class MemoryDraftStore extends Map {
  async read(user, place) {
    return this.get(place) ?? null;
  }

  async write(user, place, record) {
    this.set(place, record);
  }

  async delete(user, place) {
    super.delete(place);
  }

  async places() {
    return [...this.keys()];
  }
}

/** One connection as the server sees it; stands where `WebSocket` does. */
class Connection {
  protocol = "confchat.v1";
  clear = [];
  requests = [];
  channel = null;
  closedWith = null;

  constructor(server) {
    this.server = server;
    server.connections.push(this);
    queueMicrotask(() => this.closedWith === null && this.onopen());
  }

  send(data) {
    if (typeof data !== "string") this.requests.push(JSON.parse(fromUtf8(new Uint8Array(this.channel.open(data)))));
    else this.clear.push(JSON.parse(data));
    if (this.server.isWilling) this.server.answer(this);
  }

  close(code) {
    this.end(code);
  }

  /** The connection ends, from whichever side. */
  end(code) {
    if (this.closedWith !== null) return;
    this.closedWith = code;
    queueMicrotask(() => this.onclose({ code }));
  }

  tell(message) {
    this.onmessage({ data: typeof message === "string" ? message : JSON.stringify(message) });
  }

  tellSealed(message, options) {
    const frame = this.channel.seal(padded(message), options);
    this.tellFrame(frame);
    return frame;
  }

  tellFrame(frame) {
    this.onmessage({ data: frame.slice().buffer });
  }
}

/**
 * The server's side of the handshake. `outcome` and `faults` are what the verifier will find, `serviceOutcome` what the
 * service says; while `isWilling`, requests of the handshake are answered as they come.
 */
export class StandInServer {
  connections = [];
  openings = [];
  outcome = "affirming";
  faults = {};
  serviceOutcome = null;
  isWilling = true;
  ready = {};
  log = { logOrigin: LOG_ORIGIN, logSize: 0, logRoot: createHash("sha256").digest("base64url") };
  #records = 0;
  #suite = new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_AES_256_GCM);

  get connection() {
    return this.connections.at(-1);
  }

  async answer(connection) {
    const message = connection.clear.shift();
    if (message?.type === "attest.request") await this.attest(connection, message);
    if (message?.type === "session.open") await this.open(connection, message);
  }

  async attest(connection, request) {
    const parts = await this.evidence(request);
    connection.tell(parts.evidence);
    connection.tell(parts.verdict);
  }

  async evidence({ nonce, conversation }) {
    this.keys = await this.#suite.GenerateKeyPair(true);
    const record = `00000000-0000-4000-8000-${String(++this.#records).padStart(12, "0")}`;
    this.statement = utf8(
      JSON.stringify({ nonce, conversation, kemSuite: "X25519", modelName: "stand-in", ...this.log }),
    );
    this.current = { record, conversation };
    const evidence = {
      type: "attest.evidence",
      record,
      statement: b64encode(this.statement),
      deployment_sig: "",
      kem_key: b64encode(await this.#suite.SerializePublicKey(this.keys.publicKey)),
      quote: b64encode(utf8(JSON.stringify({ outcome: this.outcome, faults: this.faults }))),
      collateral: {},
      event_log: { ccel: null, aael: null },
      trust_anchor: "simulator",
      simulator_root: null,
    };
    const outcome = this.serviceOutcome ?? this.outcome;
    const verifier = { kind: "embedded" };
    const verdict = { type: "attest.verdict", record, outcome, verifier, token: null, checks: [], error: null };
    return { evidence, verdict };
  }

  async open(connection, message) {
    const sealed = b64decode(message.sealed);
    const info = Buffer.concat([
      Buffer.from("confchat/1 session\0"),
      createHash("sha256").update(this.statement).digest(),
    ]);
    const [enc, ciphertext] = [sealed.subarray(0, 32), sealed.subarray(32)];
    const opening = JSON.parse(fromUtf8(await this.#suite.Open(this.keys, enc, ciphertext, { info })));
    this.openings.push(opening);
    connection.tell({ type: "session.switch", record: message.record });
    connection.channel = new ServerChannel({ secret: b64decode(opening.secret), sealed, statement: this.statement });
    connection.tellSealed({ ...this.readyMessage(opening), ...this.ready });
  }

  readyMessage(opening) {
    return {
      type: "session.ready",
      record: this.current.record,
      statement_sha256: createHash("sha256").update(this.statement).digest("hex"),
      user: opening.user,
      conversation: this.current.conversation,
      outcome: worseOutcome(opening.outcome, this.serviceOutcome ?? this.outcome),
      resume: "resume",
      consistency: null,
    };
  }
}

const IDS =
  "quote.parse quote.chain quote.collateral quote.qe quote.signature tcb.status td.attributes td.measurements";
const BINDINGS = "report_data nonce key origin fresh log".split(" ").map((name) => `binding.${name}`);

/** A verifier that finds what the stand-in's quote says; every check passes but its `faults`. */
export async function appraise(evidence, { expectation }) {
  const { outcome, faults } = JSON.parse(fromUtf8(b64decode(evidence.quote)));
  const checks = [...IDS.split(" "), ...BINDINGS].map((id) => {
    const [status, code] = faults[id] ?? ["pass", ""];
    return { id, status, source: "hardware", code, detail: "" };
  });
  return {
    outcome,
    opinions: [],
    checks,
    tcbStatus: "UpToDate",
    advisories: [],
    quote: null,
    statement: readStatement(evidence.statement),
    simulated: false,
    validUntil: new Date(expectation.now.getTime() + LIFETIME_MS),
    evaluatedAt: expectation.now,
  };
}

function readStatement(text) {
  const members = JSON.parse(fromUtf8(b64decode(text)));
  return { ...members, logRoot: b64decode(members.logRoot) };
}

/** A session with everything around it: `{session, server, clock, storage, keyStore, historyKey, page}`. */
export function makeWorld({
  enforcement = "require",
  storage = new MemoryStorage(),
  keyStore = new MemoryKeyStore(),
  log = null,
} = {}) {
  const server = new StandInServer();
  if (log) server.log = log;
  const clock = new ManualClock();
  const page = { isVisible: true };
  const random = (size) => crypto.getRandomValues(new Uint8Array(size));
  const historyKey = new HistoryKey(USER, { store: keyStore, random });
  const pin = new LogKeyPin({ origin: LOG_ORIGIN, key: b64encode(new Uint8Array(32)) }, storage);
  function StandInWebSocket() {
    return new Connection(server);
  }
  const session = new Session({
    user: USER,
    appraise,
    policy: {},
    enforcement,
    pin,
    logView: new LogView(LOG_ORIGIN, { pin, storage }),
    historyKey,
    releases: { load: async () => [], reload: async () => [] },
    origin: "https://chat.example",
    isLoopback: false,
    openSocket: (handlers) => new Socket("wss://chat.example/ws/session/", handlers, StandInWebSocket),
    isVisible: () => page.isVisible,
    clock,
    random,
  });
  return { session, server, clock, storage, keyStore, historyKey, pin, page };
}

/** A world whose session is ready for a conversation. */
export async function makeReadyWorld(options = {}) {
  const world = makeWorld(options);
  world.conversation = crypto.randomUUID();
  world.session.attest(world.conversation);
  await until(() => world.session.state === "ready", "ready");
  return world;
}
