/** The real quotes that stand beside the repository (`../shared/vectors/quotes`), if they do. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { X509Certificate } from "node:crypto";

const DIRECTORY = fileURLToPath(new URL("../../../shared/vectors/quotes/", import.meta.url));
export const ABSENT = existsSync(DIRECTORY) ? false : `no test vectors: put them into ${DIRECTORY}`;

export function bytesOf(name) {
  return new Uint8Array(readFileSync(DIRECTORY + name));
}

export const vectors = ABSENT ? [] : JSON.parse(readFileSync(`${DIRECTORY}vectors.json`, "utf8")).vectors;

/** A collateral set in its wire form. */
export function collateralOf(name) {
  return JSON.parse(readFileSync(DIRECTORY + name, "utf8"));
}

/** The DER of each certificate of a PEM text, as Node reads it. */
export function dersOf(pem) {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  return blocks.map((block) => new Uint8Array(new X509Certificate(block).raw));
}
