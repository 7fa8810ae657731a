/** The server's end of a sealed session, written for tests from docs/PROTOCOL.md alone on node:crypto. */
import { createCipheriv, createDecipheriv, createHash, hkdfSync } from "node:crypto";

const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();

export class ServerChannel {
  constructor({ secret, sealed, statement }) {
    const th = sha256(statement);
    const salt = sha256(th, sealed);
    const derive = (d, what, size) =>
      Buffer.from(hkdfSync("sha256", secret, salt, Buffer.concat([Buffer.from(`confchat/1 ${d} ${what}`), th]), size));
    this.ways = Object.fromEntries(
      ["c2s", "s2c"].map((d) => [d, { key: derive(d, "key", 32), iv: derive(d, "iv", 12), sequence: 0 }]),
    );
  }

  seal(plaintext, { sequence = this.ways.s2c.sequence++ } = {}) {
    const { counter, nonce, aad, key } = this.#parts("s2c", sequence);
    const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(aad);
    return new Uint8Array(Buffer.concat([counter, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]));
  }

  open(frame) {
    const { counter, nonce, aad, key } = this.#parts("c2s", this.ways.c2s.sequence++);
    if (!counter.equals(frame.subarray(0, 8))) throw new Error("sequence");
    const cipher = createDecipheriv("aes-256-gcm", key, nonce).setAAD(aad).setAuthTag(frame.subarray(-16));
    return Buffer.concat([cipher.update(frame.subarray(8, -16)), cipher.final()]);
  }

  #parts(d, sequence) {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(sequence));
    const { key, iv } = this.ways[d];
    const nonce = Buffer.from(iv);
    for (let i = 0; i < 8; i++) nonce[4 + i] ^= counter[i];
    return { key, nonce, counter, aad: Buffer.concat([Buffer.from(`confchat/1 frame\0${d}`), counter]) };
  }
}

export function padded(message) {
  const text = Buffer.from(typeof message === "string" ? message : JSON.stringify(message));
  return Buffer.concat([text, Buffer.alloc((1024 - (text.length % 1024)) % 1024, " ")]);
}
