/**
 * The page's end of a sealed session for the tests in Python: one JSON request a line in, one JSON answer a line out.
 * Requests: `open {statement, kem_key, suite, opening, messages}`, `receive {frames}`, `key {suite}`, `unseal {sealed, info}`.
 */
import { createInterface } from "node:readline";
import { openChannel } from "../../static/js/crypto/channel.js";
import { b64decode, b64encode } from "../../static/js/crypto/encoding.js";
import {
  AEAD_AES_256_GCM,
  CipherSuite,
  KDF_HKDF_SHA256,
  KEM_DHKEM_X25519_HKDF_SHA256,
  KEM_MLKEM768_X25519,
} from "../../static/vendor/hpke.js";

const KEMS = { X25519: [KEM_DHKEM_X25519_HKDF_SHA256, 32], "MLKEM768-X25519": [KEM_MLKEM768_X25519, 1120] };
let channel;
let receiver;

const ANSWERS = {
  async open({ statement, kem_key: kemKey, suite, opening, messages }) {
    const historyKey = opening.historyKey && b64decode(opening.historyKey);
    const arguments_ = { statement: b64decode(statement), kemKey: b64decode(kemKey), suite };
    const opened = await openChannel({ ...arguments_, opening: { ...opening, historyKey } });
    channel = opened.channel;
    const frames = await Promise.all(messages.map((message) => channel.seal(message)));
    return { sealed: b64encode(opened.sealed), frames: frames.map(b64encode) };
  },
  async receive({ frames }) {
    return { messages: await Promise.all(frames.map((frame) => channel.open(b64decode(frame)))) };
  },
  async key({ suite: name }) {
    const [kem, encSize] = KEMS[name];
    const suite = new CipherSuite(kem, KDF_HKDF_SHA256, AEAD_AES_256_GCM);
    const { publicKey, privateKey } = await suite.GenerateKeyPair();
    receiver = { suite, privateKey, encSize };
    return { key: b64encode(await suite.SerializePublicKey(publicKey)) };
  },
  async unseal({ sealed, info }) {
    const bytes = b64decode(sealed);
    const [enc, ciphertext] = [bytes.subarray(0, receiver.encSize), bytes.subarray(receiver.encSize)];
    const options = { info: b64decode(info) };
    return { plaintext: b64encode(await receiver.suite.Open(receiver.privateKey, enc, ciphertext, options)) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { type, ...request } = JSON.parse(line);
  process.stdout.write(`${JSON.stringify(await ANSWERS[type](request))}\n`);
}
