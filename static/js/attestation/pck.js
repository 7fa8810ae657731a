/** The SGX extension of a PCK certificate (Intel SGX PCK Certificate and CRL Profile 1.5, section 1.3.5). */
import { hex, sized } from "../crypto/encoding.js";
import { requireForm } from "../crypto/errors.js";
import { ENUMERATED, INTEGER, OCTET_STRING, OID, contentOf, number, readDer, readInside } from "./der.js";

const PREFIX = "2a864886f84d010d01";
export const SGX_EXTENSION = PREFIX;

/** Parse the extension's content; members that later profiles may add are left alone. Throws MalformedError. */
export function parsePckExtension(bytes) {
  const members = readMembers(readDer(bytes));
  const tcb = readMembers(member(members, "02"));
  return {
    ppid: octets(members, "01", 16),
    cpuSvn: octets(tcb, "0212", 16),
    svns: Array.from({ length: 16 }, (_, i) => small(tcb, hex([2, i + 1]), 0xff)),
    pceSvn: small(tcb, "0211", 0xffff),
    pceId: octets(members, "03", 2),
    fmspc: octets(members, "04", 6),
    sgxType: small(members, "05", 0xff, ENUMERATED),
  };
}

/** A sequence of {OID, value} by the arcs behind Intel's prefix, in hex. */
function readMembers(sequence) {
  const members = new Map();
  for (const item of readInside(sequence)) {
    const [oid, value, ...rest] = readInside(item);
    const name = hex(contentOf(oid, OID));
    const arcs = name.slice(PREFIX.length);
    requireForm(value && !rest.length && name.startsWith(PREFIX) && !members.has(arcs));
    members.set(arcs, value);
  }
  return members;
}

function member(members, arcs) {
  const value = members.get(arcs);
  requireForm(value);
  return value;
}

function octets(members, arcs, size) {
  return sized(contentOf(member(members, arcs), OCTET_STRING), size);
}

function small(members, arcs, limit, tag = INTEGER) {
  const value = number(member(members, arcs), tag);
  requireForm(value <= limit);
  return value;
}
