/** Proof that a log only grew (RFC 6962 section 2.1.2, verified as in RFC 9162 section 2.1.4.2). */
import { concat, equal } from "../crypto/encoding.js";
import { sha256 } from "./signatures.js";

const NODE = Uint8Array.of(1);

const hashChildren = (left, right) => sha256(concat(NODE, left, right));
const isOdd = (number) => number % 2 === 1;
// Sizes have up to 53 bits, and JavaScript's shifts 32.
const half = (number) => Math.floor(number / 2);

/**
 * Tell whether the log `now` begins with every entry of the log `before`: each is `{size, root}`, `proof` the hashes of
 * 32 bytes that lead from one to the other.
 */
export async function isGrownFrom(before, now, proof) {
  if (before.size === 0 || before.size === now.size) {
    const root = before.size === 0 ? await sha256(new Uint8Array()) : now.root;
    return proof.length === 0 && equal(before.root, root);
  }
  if (before.size > now.size) return false;
  // An older tree that is complete is itself a node of the newer one, and the proof leaves it out.
  const nodes = isPowerOfTwo(before.size) ? [before.root, ...proof] : proof;
  if (nodes.length === 0) return false;
  let [position, last] = [before.size - 1, now.size - 1];
  while (isOdd(position)) [position, last] = [half(position), half(last)];
  let [older, newer] = [nodes[0], nodes[0]];
  for (const node of nodes.slice(1)) {
    if (last === 0) return false;
    if (isOdd(position) || position === last) {
      [older, newer] = await Promise.all([hashChildren(node, older), hashChildren(node, newer)]);
      while (!isOdd(position) && position !== 0) [position, last] = [half(position), half(last)];
    } else newer = await hashChildren(newer, node);
    [position, last] = [half(position), half(last)];
  }
  return last === 0 && equal(older, before.root) && equal(newer, now.root);
}

function isPowerOfTwo(number) {
  return Number.isInteger(Math.log2(number)) && 2 ** Math.log2(number) === number;
}
