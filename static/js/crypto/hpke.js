/** HPKE (RFC 9180), base mode, single shot: KDF HKDF-SHA256, AEAD AES-256-GCM. */
import {
  AEAD_AES_256_GCM,
  CipherSuite,
  KDF_HKDF_SHA256,
  KEM_DHKEM_X25519_HKDF_SHA256,
  KEM_MLKEM768_X25519,
} from "../../vendor/hpke.js";
import { concat } from "./encoding.js";
import { ChannelError } from "./errors.js";

export { SUITES } from "./suites.js";

const KEMS = { "MLKEM768-X25519": KEM_MLKEM768_X25519, X25519: KEM_DHKEM_X25519_HKDF_SHA256 };

/** Seal to a KEM key with an empty AAD; returns enc || ciphertext. Throws ChannelError. */
export async function sealTo(suite, kemKey, info, plaintext) {
  if (!Object.hasOwn(KEMS, suite)) throw new ChannelError("suite_unknown");
  const hpke = new CipherSuite(KEMS[suite], KDF_HKDF_SHA256, AEAD_AES_256_GCM);
  try {
    const key = await hpke.DeserializePublicKey(kemKey);
    const { encapsulatedSecret, ciphertext } = await hpke.Seal(key, plaintext, { info });
    return concat(encapsulatedSecret, ciphertext);
  } catch (error) {
    throw new ChannelError("kem_key_unusable", { cause: error });
  }
}
