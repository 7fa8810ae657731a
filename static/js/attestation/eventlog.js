/** Event logs, parsed and replayed to RTMR0-3. As attestation/eventlog.py: a log proves nothing by itself. */
import { concat, equal, unhex, utf8 } from "../crypto/encoding.js";
import { requireForm } from "../crypto/errors.js";
import {
  APPLICATION_REGISTER,
  DIGEST_SIZE,
  EV_EVENT_TAG,
  MAX_EVENTS,
  applicationData,
  lineOf,
  parseCcel,
} from "./ccel.js";

const MAX_AAEL_BYTES = 128 * 1024;
const INIT = /^INIT sha384\/([0-9a-f]{96})$/;
// EV_SEPARATOR, EV_EFI_ACTION, EV_EFI_GPT_EVENT, EV_EFI_VARIABLE_DRIVER_CONFIG, EV_EFI_VARIABLE_AUTHORITY: the digest
// is over the event itself. Other types measure what is elsewhere.
const SELF_DESCRIBING = [0x4, 0x80000007, 0x80000006, 0x80000001, 0x800000e0];

/**
 * Both logs of a machine; an absent one (null) has no events. `init` is what the application's log says RTMR3 was
 * before it began, or null. Throws MalformedError.
 */
export async function parseEventLog(ccel, aael) {
  const boot = ccel === null ? [] : parseCcel(ccel);
  const { init, events: application } = aael === null ? { init: null, events: [] } : await parseAael(aael);
  requireForm(boot.length + application.length <= MAX_EVENTS);
  return { boot, application, init, events: [...boot, ...application] };
}

/** Whether the application's log begins where the boot's log leaves RTMR3. */
export async function isContinuous({ boot, init }) {
  return init === null || equal(init, (await replay(boot))[APPLICATION_REGISTER]);
}

/** The registers that the logs speak of: an absent log explains none. */
export function coveredBy({ boot, init, events }) {
  const registers = boot.length ? [0, 1, 2] : [];
  return init !== null || events.some(isOfApplication) ? [...registers, APPLICATION_REGISTER] : registers;
}

/** Whether an event was extended after the kernel's start. */
export function isOfApplication({ register }) {
  return register === APPLICATION_REGISTER;
}

/** RTMR0 to RTMR3 after these events. */
export async function replay(events) {
  const registers = [0, 1, 2, 3].map(() => new Uint8Array(DIGEST_SIZE));
  for (const { register, digest } of events) registers[register] = await sha384(concat(registers[register], digest));
  return registers;
}

/** Whether an event is not the one that its digest was made of, as far as that can be told from it. */
export async function isChanged(event) {
  const isOwn = SELF_DESCRIBING.includes(event.type) || lineOf(event) !== null;
  return isOwn && !equal(await sha384(event.data), event.digest);
}

async function parseAael(text) {
  const [first, ...lines] = text.split("\n");
  const init = INIT.exec(first);
  requireForm(init && lines.length && lines.pop() === "" && utf8(text).length <= MAX_AAEL_BYTES);
  requireForm(lines.length <= MAX_EVENTS);
  return { init: unhex(init[1]), events: await Promise.all(lines.map(applicationEvent)) };
}

async function applicationEvent(line) {
  const data = applicationData(line);
  return { register: APPLICATION_REGISTER, type: EV_EVENT_TAG, digest: await sha384(data), data };
}

async function sha384(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-384", bytes));
}
