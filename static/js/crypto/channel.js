/** The client's end of a sealed session (docs/PROTOCOL.md section 4): opening, key schedule, frames. */
import { b64encode, concat, equal, parseJson, utf8 } from "./encoding.js";
import { ChannelError, MalformedError } from "./errors.js";
import { sealTo } from "./hpke.js";

const SECRET_SIZE = 32;
const PAD_SIZE = 1024;
const SEQUENCE_SIZE = 8;
const TAG_SIZE = 16;
const MAX_FRAMES = 2 ** 24;
const MAX_FRAME_BYTES = 2 ** 20;

/**
 * Seal an opening to the attested KEM key and derive the session's keys.
 *
 * `statement` is the exact bytes that were attested; `opening` is `{user, historyKey, enroll, outcome, acceptRisk,
 * checkpoint}` with `historyKey` 32 bytes or null and `checkpoint` `{size, root}` or null. Nothing is judged here: the
 * caller has appraised the evidence. Returns `{sealed, channel}`; `sealed` is enc || ciphertext. Throws ChannelError.
 */
export async function openChannel({ statement, kemKey, suite, opening, secret = randomBytes(SECRET_SIZE) }) {
  const transcript = await sha256(statement);
  const info = concat(utf8("confchat/1 session\0"), transcript);
  const sealed = await sealTo(suite, kemKey, info, utf8(JSON.stringify(openingMembers(secret, opening))));
  const salt = await sha256(concat(transcript, sealed));
  const ikm = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits", "deriveKey"]);
  const [outgoing, incoming] = await Promise.all(["c2s", "s2c"].map((name) => direction(name, ikm, salt, transcript)));
  return { sealed, channel: new SealedChannel(outgoing, incoming) };
}

/** The opening's members; a history key goes out only under an affirming outcome. */
function openingMembers(secret, { user, historyKey, enroll, outcome, acceptRisk, checkpoint }) {
  if (historyKey && (acceptRisk || outcome !== "affirming")) throw new ChannelError("history_key_refused");
  return {
    secret: b64encode(secret),
    user,
    history_key: historyKey ? b64encode(historyKey) : null,
    enroll,
    outcome,
    accept_risk: acceptRisk,
    checkpoint: checkpoint ? { size: checkpoint.size, root: b64encode(checkpoint.root) } : null,
  };
}

async function direction(name, ikm, salt, transcript) {
  const hkdf = (what) => ({
    name: "HKDF",
    hash: "SHA-256",
    salt,
    info: concat(utf8(`confchat/1 ${name} ${what}`), transcript),
  });
  const usage = name === "c2s" ? "encrypt" : "decrypt";
  const key = await crypto.subtle.deriveKey(hkdf("key"), ikm, { name: "AES-GCM", length: 256 }, false, [usage]);
  const iv = new Uint8Array(await crypto.subtle.deriveBits(hkdf("iv"), ikm, 96));
  return { key, iv, label: utf8(`confchat/1 frame\0${name}`), sequence: 0 };
}

/** One session's frames in both directions. After the first failure every call fails. */
export class SealedChannel {
  #outgoing;
  #incoming;
  #lastSealed = Promise.resolve();
  #lastOpened = Promise.resolve();
  #failure = null;

  constructor(outgoing, incoming) {
    this.#outgoing = outgoing;
    this.#incoming = incoming;
  }

  /** Seal a message as the next frame; frames resolve in the order of the calls. Throws ChannelError, MalformedError. */
  async seal(message) {
    const plaintext = padded(message);
    const { key, counter, algorithm } = this.#next(this.#outgoing);
    const work = crypto.subtle.encrypt(algorithm, key, plaintext);
    const frame = this.#lastSealed.then(async () => concat(counter, new Uint8Array(await work)));
    this.#lastSealed = frame;
    return frame;
  }

  /** Open the server's next frame (a Uint8Array); messages resolve in order. Throws ChannelError, MalformedError. */
  async open(frame) {
    const { key, counter, algorithm } = this.#next(this.#incoming);
    if (frame.length > MAX_FRAME_BYTES) throw this.#fail(new ChannelError("frame_too_large"));
    if (!equal(frame.subarray(0, SEQUENCE_SIZE), counter)) throw this.#fail(new ChannelError("frame_out_of_order"));
    const work = crypto.subtle.decrypt(algorithm, key, frame.subarray(SEQUENCE_SIZE)).catch(() => null);
    const message = this.#lastOpened.then(async () => this.#parse(await work));
    this.#lastOpened = message.catch(() => null);
    return message;
  }

  /** `opened` is null when the frame did not open. */
  #parse(opened) {
    if (this.#failure) throw this.#failure;
    try {
      if (!opened) throw new ChannelError("frame_not_genuine");
      const plaintext = new Uint8Array(opened);
      if (!plaintext.length || plaintext.length % PAD_SIZE) throw new ChannelError("frame_not_padded");
      const message = parseJson(plaintext);
      if (message === null || typeof message !== "object" || Array.isArray(message)) {
        throw new MalformedError("not an object");
      }
      return message;
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #next(way) {
    if (this.#failure) throw this.#failure;
    if (way.sequence >= MAX_FRAMES) throw this.#fail(new ChannelError("session_ended"));
    const counter = new Uint8Array(SEQUENCE_SIZE);
    new DataView(counter.buffer).setUint32(4, way.sequence);
    way.sequence += 1;
    const iv = way.iv.map((byte, i) => (i < 4 ? byte : byte ^ counter[i - 4]));
    return { key: way.key, counter, algorithm: { name: "AES-GCM", iv, additionalData: concat(way.label, counter) } };
  }

  #fail(error) {
    this.#failure ??= error;
    return this.#failure;
  }
}

/** JSON that a strict receiver accepts, with trailing spaces up to a multiple of 1024 bytes. */
function padded(message) {
  const text = JSON.stringify(message);
  parseJson(text);
  const bytes = utf8(text);
  const size = Math.ceil(bytes.length / PAD_SIZE) * PAD_SIZE;
  if (SEQUENCE_SIZE + size + TAG_SIZE > MAX_FRAME_BYTES) throw new ChannelError("frame_too_large");
  const whole = new Uint8Array(size).fill(0x20);
  whole.set(bytes);
  return whole;
}

async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

function randomBytes(size) {
  return crypto.getRandomValues(new Uint8Array(size));
}
