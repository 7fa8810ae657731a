/**
 * What this browser saw of this site when it last proved itself: values only, never content, each with the time since
 * when it is so. Tells by `change` when something is new.
 */
import { hex } from "../crypto/encoding.js";

const NAME = "confchat.seen";
const REGISTERS = ["mrTd", "rtmr0", "rtmr1", "rtmr2", "rtmr3", "mrSeam"];

/**
 * What was seen last, or null: `{origin, firstAt, at, validUntil, simulated, values, news}`. `values` maps a name to
 * `{value, since}`; `news` is `{at, changes}` until the user has noted it. Times are ms.
 */
export function lastSeen(storage) {
  const text = storage.getItem(NAME);
  return text === null ? null : JSON.parse(text);
}

/** The values of a handshake that was appraised, by name; what could not be read is left out. */
export function valuesOf({ result }) {
  const { quote, statement, tcbStatus } = result;
  const measured = quote ? REGISTERS.map((name) => [name, hex(quote.report[name])]) : [];
  const stated = statement && {
    release: statement.releaseVersion,
    releaseDigest: hex(statement.releaseDigest),
    model: statement.modelName,
    modelDigest: statement.modelDigest,
  };
  return { ...stated, ...Object.fromEntries(measured), ...(tcbStatus && { tcbStatus }) };
}

export class Sightings extends EventTarget {
  #pins;
  #storage;
  #clock;
  #origin;
  #kept = null;

  /** `pins` are the KeyPins of this page: a session that was proved confirms them. */
  constructor({ pins, storage, clock, origin }) {
    super();
    this.#pins = pins;
    this.#storage = storage;
    this.#clock = clock;
    this.#origin = origin;
  }

  get last() {
    return lastSeen(this.#storage);
  }

  /** Keep what each session proves; one that is not affirmed, or was opened at a risk, is no measure of anything. */
  follow(session) {
    session.addEventListener("change", () => {
      const handshake = session.state === "ready" && !session.held?.isRisk ? session.held?.handshake : null;
      if (handshake?.isAffirmed && handshake !== this.#kept) this.keep(handshake);
    });
  }

  /** Where a handshake differs from what was seen: `[{name, old, value, since}]`. */
  compare(handshake) {
    return changes(this.last?.values ?? {}, this.#values(handshake));
  }

  /** Remember an affirmed handshake; what is new is told until it is noted. */
  keep(handshake) {
    this.#kept = handshake;
    const now = this.#clock.now();
    for (const pin of this.#pins) pin.confirm(now);
    const { last } = this;
    const found = this.compare(handshake);
    const news = found.length ? { at: now, changes: found } : (last?.news ?? null);
    const values = { ...last?.values };
    for (const [name, value] of Object.entries(this.#values(handshake))) {
      if (values[name]?.value !== value) values[name] = { value, since: now };
    }
    const { simulated, validUntil } = handshake.result;
    const times = { firstAt: last?.firstAt ?? now, at: now, validUntil: validUntil?.getTime() ?? null };
    this.#write({ origin: this.#origin, ...times, simulated, values, news });
  }

  /** The user has read what is new. */
  note() {
    this.#write({ ...this.last, news: null });
  }

  /** A model that the user chose himself is no news, and says nothing of the one that the server is configured with. */
  #values(handshake) {
    const keys = this.#pins.map(({ kind, key }) => [`${kind}Key`, hex(key)]);
    const { model, modelDigest, ...others } = valuesOf(handshake);
    const usual = handshake.model || model === undefined ? {} : { model, modelDigest };
    return { ...others, ...usual, ...Object.fromEntries(keys) };
  }

  #write(seen) {
    this.#storage.setItem(NAME, JSON.stringify(seen));
    this.dispatchEvent(new Event("change"));
  }
}

function changes(known, values) {
  return Object.entries(values)
    .filter(([name, value]) => Object.hasOwn(known, name) && known[name].value !== value)
    .map(([name, value]) => ({ name, old: known[name].value, value, since: known[name].since }));
}
