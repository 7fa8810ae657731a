/** A CCEL in bytes: events in TCG's crypto-agile form. As attestation/eventlog.py, where the sources are named. */
import { equal, fromUtf8, utf8 } from "../crypto/encoding.js";
import { requireForm } from "../crypto/errors.js";

export const DIGEST_SIZE = 48;
export const MAX_EVENTS = 4096;
export const EV_NO_ACTION = 0x3;
export const EV_EVENT_TAG = 0x6;
export const AAEL_TAG = utf8("LEAA");

const MAX_CCEL_BYTES = 256 * 1024;
const REGISTER_COUNT = 4;
export const APPLICATION_REGISTER = 3;
const SHA384 = 0x000c;
const SIGNATURE = utf8("Spec ID Event03\0");
const PADDING = 0xff;
const LINE = /^[!-~]+ [!-~]+ [^\0-\x1f\x7f]*$/; // eslint-disable-line no-control-regex

/** The events that extend a register, `[{register, type, digest, data}]`. Throws MalformedError. */
export function parseCcel(bytes) {
  requireForm(bytes.length <= MAX_CCEL_BYTES);
  const reader = new Reader(bytes);
  const sizes = parseHeader(reader);
  const events = [];
  while (!reader.isPadding()) {
    const event = parseEvent(reader, sizes);
    if (event.type !== EV_NO_ACTION) events.push(known(event));
  }
  requireForm(events.length <= MAX_EVENTS);
  return events;
}

/** The bytes of an application's event, as a CCEL carries it: tag, length, line. Throws MalformedError. */
export function applicationData(line) {
  requireForm(LINE.test(line));
  const text = utf8(line);
  const data = new Uint8Array(8 + text.length);
  data.set(AAEL_TAG);
  new DataView(data.buffer).setUint32(4, text.length, true);
  data.set(text, 8);
  return data;
}

/** An application's event as its line; null for any other event. */
export function lineOf({ type, data }) {
  return type === EV_EVENT_TAG && isApplication(data) ? fromUtf8(data.subarray(8)) : null;
}

/** Bytes read once from the front; whoever asks for more than there is gets MalformedError. */
class Reader {
  #bytes;
  #at = 0;

  constructor(bytes) {
    this.#bytes = bytes;
  }

  take(size) {
    const part = this.#bytes.subarray(this.#at, this.#at + size);
    requireForm(part.length === size);
    this.#at += size;
    return part;
  }

  number(size) {
    return this.take(size).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  /** Whether no event follows: the end, or padding, which is nothing but 0xFF. */
  isPadding() {
    const rest = this.#bytes.subarray(this.#at);
    const begins = rest.length >= 4 && rest.subarray(0, 4).every((byte) => byte === PADDING);
    requireForm(!begins || rest.every((byte) => byte === PADDING));
    return begins || !rest.length;
  }
}

/** Read the first event, which names the algorithms; return their digests' sizes. */
function parseHeader(reader) {
  reader.take(4);
  const type = reader.number(4);
  reader.take(20);
  const header = new Reader(reader.take(reader.number(4)));
  requireForm(type === EV_NO_ACTION && equal(header.take(SIGNATURE.length), SIGNATURE));
  header.take(8);
  const sizes = new Map();
  for (let count = header.number(4); count > 0; count--) sizes.set(header.number(2), header.number(2));
  header.take(header.number(1));
  requireForm(sizes.get(SHA384) === DIGEST_SIZE && header.isPadding());
  return sizes;
}

function parseEvent(reader, sizes) {
  const [register, type, count] = [reader.number(4) - 1, reader.number(4), reader.number(4)];
  requireForm(count <= sizes.size);
  const digests = new Map();
  for (let i = 0; i < count; i++) {
    const algorithm = reader.number(2);
    requireForm(sizes.has(algorithm) && !digests.has(algorithm));
    digests.set(algorithm, reader.take(sizes.get(algorithm)));
  }
  return { register, type, digest: digests.get(SHA384), data: reader.take(reader.number(4)) };
}

/** An event that extends a register with SHA-384; an application's is a line of its form. */
function known(event) {
  requireForm(event.register >= 0 && event.register < REGISTER_COUNT && event.digest !== undefined);
  const line = lineOf(event);
  const isLine = line !== null && event.register === APPLICATION_REGISTER && equal(applicationData(line), event.data);
  requireForm(line === null || isLine);
  return event;
}

function isApplication(data) {
  return equal(data.subarray(0, 4), AAEL_TAG);
}
