/** PEM, as Intel's certificate chains come. */
import { fromBase64, toBase64 } from "../crypto/encoding.js";
import { requireForm } from "../crypto/errors.js";

const PEM = /-----BEGIN CERTIFICATE-----\r?\n((?:[A-Za-z0-9+/=]+\r?\n)+)-----END CERTIFICATE-----(?:\r?\n|$)/y;

/** The DER of every certificate of a PEM text; not one character may be left over. Throws MalformedError. */
export function splitPem(text) {
  const ders = [];
  let position = 0;
  PEM.lastIndex = 0;
  for (let match; (match = PEM.exec(text)); position = PEM.lastIndex) {
    const body = match[1].replace(/[\r\n]/g, "");
    const der = fromBase64(body);
    requireForm(toBase64(der) === body);
    ders.push(der);
  }
  requireForm(position === text.length);
  return ders;
}
