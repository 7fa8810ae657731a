import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { AEAD_ChaCha20Poly1305 } from "@panva/hpke-noble";
import { SUITES, sealTo } from "../../static/js/crypto/hpke.js";
import { unhex, utf8 } from "../../static/js/crypto/encoding.js";
import { ChannelError } from "../../static/js/crypto/errors.js";
import { KEY_SIZES } from "../../static/js/crypto/suites.js";
import * as vendor from "../../static/vendor/hpke.js";

const vectors = JSON.parse(await readFile(new URL("../cases/hpke.json", import.meta.url), "utf8"));
const KEMS = { 0x20: vendor.KEM_DHKEM_X25519_HKDF_SHA256, 0x647a: vendor.KEM_MLKEM768_X25519 };
const AEADS = { 2: vendor.AEAD_AES_256_GCM, 3: AEAD_ChaCha20Poly1305 };

for (const vector of vectors) {
  test(`the published vector of ${vector.name} opens`, async () => {
    const suite = new vendor.CipherSuite(KEMS[vector.kem_id], vendor.KDF_HKDF_SHA256, AEADS[vector.aead_id]);
    const key = await suite.DeserializePrivateKey(unhex(vector.skRm));
    const receiver = await suite.SetupRecipient(key, unhex(vector.enc), { info: unhex(vector.info) });
    for (const { aad, ct, pt } of vector.encryptions) {
      assert.deepEqual(await receiver.Open(unhex(ct), unhex(aad)), unhex(pt));
    }
    const changed = unhex(vector.encryptions[0].ct);
    changed[0] ^= 1;
    const again = await suite.SetupRecipient(key, unhex(vector.enc), { info: unhex(vector.info) });
    await assert.rejects(again.Open(changed, unhex(vector.encryptions[0].aad)));
  });
}

for (const name of SUITES) {
  test(`what is sealed in ${name} opens under its key and info, and under no other`, async () => {
    const kem = name === "X25519" ? KEMS[0x20] : KEMS[0x647a];
    const suite = new vendor.CipherSuite(kem, vendor.KDF_HKDF_SHA256, vendor.AEAD_AES_256_GCM);
    const { publicKey, privateKey } = await suite.GenerateKeyPair(true);
    const kemKey = await suite.SerializePublicKey(publicKey);
    assert.equal(kemKey.length, KEY_SIZES[name]);
    const sealed = await sealTo(name, kemKey, utf8("info"), utf8("words"));
    const encSize = sealed.length - 5 - 16;
    assert.equal(encSize, name === "X25519" ? 32 : 1120);
    const [enc, ciphertext] = [sealed.subarray(0, encSize), sealed.subarray(encSize)];
    assert.deepEqual(await suite.Open(privateKey, enc, ciphertext, { info: utf8("info") }), utf8("words"));
    await assert.rejects(suite.Open(privateKey, enc, ciphertext, { info: utf8("other") }));
    const other = await suite.GenerateKeyPair();
    await assert.rejects(suite.Open(other.privateKey, enc, ciphertext, { info: utf8("info") }));
  });

  test(`a key of another size is refused in ${name}`, async () => {
    const short = new Uint8Array(KEY_SIZES[name] - 1);
    await assert.rejects(sealTo(name, short, utf8("info"), utf8("words")), ChannelError);
  });
}

test("a low-order X25519 key is refused", async () => {
  await assert.rejects(sealTo("X25519", new Uint8Array(32), utf8("info"), utf8("words")), ChannelError);
});

test("an unknown suite is refused", async () => {
  await assert.rejects(sealTo("toString", new Uint8Array(32), utf8("info"), utf8("words")), ChannelError);
});
