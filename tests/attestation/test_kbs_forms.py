"""What travels between a broker and its client, to the byte: vectors of both protocols, and another library's eyes."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from hypothesis import given
from hypothesis import strategies as st
from jwcrypto.jwe import JWE
from jwcrypto.jwk import JWK

from attestation.errors import ConfigurationError, MalformedError
from attestation.eventlog import build_ccel, join_logs, write_aael
from attestation.kbs import KeyBrokerError, ProtocolVersion, TdxEvidence, parse_resource_uri
from attestation.kbs.devbroker.sealing import seal
from attestation.kbs.rcar import (
    Challenge,
    build_attestation,
    build_auth,
    build_report_data,
    describe_evidence,
    is_about,
    parse_attested,
    parse_challenge,
)
from attestation.kbs.sealed import open_answer, parse_answer
from attestation.kbs.tee_keys import EcTeeKey, RsaTeeKey, TeeKey, derive_wrapping_key
from attestation.token import sign_token

SECRET = b"alibaba@1688"
BOOT = build_ccel(())
EVIDENCE = TdxEvidence(quote=b"\xfb\xff", ccel=BOOT + b"\xff" * 64, aael=write_aael(bytes(48), ["confchat start one"]))
NONCE = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.fixture(scope="module")
def vectors(shared_vectors: Path) -> dict[str, Any]:
    members: dict[str, Any] = json.loads((shared_vectors / "trustee" / "rcar_vectors.json").read_text())
    return members


def vector_key(vectors: dict[str, Any], algorithm: str) -> TeeKey:
    name = "ec_private_pem" if algorithm == "EC" else "rsa_private_pem"
    private = load_pem_private_key(vectors[name].encode(), password=None)
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return EcTeeKey(private)
    assert isinstance(private, rsa.RSAPrivateKey)
    return RsaTeeKey("RSA1_5" if algorithm == "RSA1_5" else "RSA-OAEP-256", private)


@pytest.mark.parametrize(
    ("algorithm", "name"), [("EC", "ec_jwk"), ("RSA1_5", "rsa_jwk_RSA1_5"), ("OAEP", "rsa_jwk_RSA-OAEP-256")]
)
def test_public_keys_are_written_as_trustee_writes_them(vectors: dict[str, Any], algorithm: str, name: str) -> None:
    assert vector_key(vectors, algorithm).jwk == vectors[name]


@pytest.mark.parametrize(
    ("version", "jwk", "prefix"),
    [
        ("0.1.0", "ec_jwk", "ec / 0.1.x"),
        ("0.4.0", "ec_jwk", "ec / 0.4.0"),
        ("0.1.0", "rsa_jwk_RSA1_5", "rsa1_5 / 0.1.x"),
        ("0.4.0", "rsa_jwk_RSA1_5", "rsa1_5 / 0.4.0"),
    ],
)
def test_report_data_binds_nonce_and_key(
    vectors: dict[str, Any], version: ProtocolVersion, jwk: str, prefix: str
) -> None:
    (expected,) = (value for name, value in vectors["report_data"].items() if name.startswith(prefix))
    challenge = Challenge(nonce=vectors["nonce"], hash_name="sha384")
    assert build_report_data(version, challenge, vectors[jwk]).hex() == expected["report_data64"]
    weaker = build_report_data(version, Challenge(nonce=vectors["nonce"], hash_name="sha256"), vectors[jwk])
    assert weaker == hashlib.sha256(expected["canonical"].encode()).digest().ljust(64, b"\0")


@pytest.mark.parametrize(
    ("algorithm", "name", "is_old"),
    [
        ("EC", "jwe_ecdh_es_a256kw", False),
        ("OAEP", "jwe_rsa_oaep_256", False),
        ("RSA1_5", "jwe_rsa1_5_v011plus", False),
        ("RSA1_5", "resource_response_v0_1_0", True),
    ],
)
def test_encrypted_answers_of_every_form_open(vectors: dict[str, Any], algorithm: str, name: str, is_old: bool) -> None:
    body = json.dumps(vectors[name]).encode()
    with open_answer(body, vector_key(vectors, algorithm), takes_old_form=is_old) as secret:
        assert bytes(secret.view) == SECRET


def test_the_wrapping_key_is_that_of_the_vector(vectors: dict[str, Any]) -> None:
    steps = vectors["jwe_intermediate"]
    assert derive_wrapping_key(bytes.fromhex(steps["Z"])).hex() == steps["KEK"]


@pytest.fixture(scope="module")
def keys() -> dict[str, tuple[TeeKey, JWK]]:
    """Return a key of each kind, and the same in the hands of another library."""
    point, number = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
    pems = [key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) for key in (point, number)]
    curve, modulus = (JWK.from_pem(pem) for pem in pems)
    return {
        "EC": (EcTeeKey(point), curve),
        "OAEP": (RsaTeeKey("RSA-OAEP-256", number), modulus),
        "RSA1_5": (RsaTeeKey("RSA1_5", number), modulus),
    }


@pytest.mark.parametrize("kind", ["EC", "OAEP", "RSA1_5"])
def test_another_library_opens_what_the_development_broker_seals(
    keys: dict[str, tuple[TeeKey, JWK]], kind: str
) -> None:
    ours, theirs = keys[kind]
    token = JWE(algs=[ours.algorithm, "A256GCM"])
    token.deserialize(json.dumps(seal(SECRET, ours.jwk, in_old_form=False)), key=theirs)
    assert token.payload == SECRET


@pytest.mark.parametrize("kind", ["EC", "OAEP", "RSA1_5"])
def test_what_another_library_seals_opens(keys: dict[str, tuple[TeeKey, JWK]], kind: str) -> None:
    ours, theirs = keys[kind]
    header = json.dumps({"alg": ours.algorithm, "enc": "A256GCM"})
    token = JWE(SECRET, protected=header, algs=[ours.algorithm, "A256GCM"])
    token.add_recipient(theirs)
    names = ("protected", "encrypted_key", "iv", "ciphertext", "tag")
    answer = dict(zip(names, token.serialize(compact=True).split("."), strict=True))
    secret = open_answer(json.dumps(answer).encode(), ours, takes_old_form=False)
    assert bytes(secret.view) == SECRET


def test_the_old_form_is_taken_in_the_old_protocol_alone(keys: dict[str, tuple[TeeKey, JWK]]) -> None:
    key, _ = keys["RSA1_5"]
    body = json.dumps(seal(SECRET, key.jwk, in_old_form=True)).encode()
    assert bytes(open_answer(body, key, takes_old_form=True).view) == SECRET
    with pytest.raises(KeyBrokerError) as caught:
        open_answer(body, key, takes_old_form=False)
    assert caught.value.code == "kbs_protocol"


def test_a_point_beside_the_curve_is_refused(keys: dict[str, tuple[TeeKey, JWK]]) -> None:
    key, _ = keys["EC"]
    answer = seal(SECRET, key.jwk, in_old_form=False)
    header = json.loads(base64.urlsafe_b64decode(answer["protected"] + "==="))
    header["epk"]["y"] = header["epk"]["x"]
    answer["protected"] = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    with pytest.raises(KeyBrokerError) as caught:
        open_answer(json.dumps(answer).encode(), key, takes_old_form=False)
    assert caught.value.code == "kbs_sealed"


@given(st.data())
def test_no_answer_but_the_right_one_opens_and_none_breaks_the_client(data: st.DataObject) -> None:
    key = EcTeeKey(ec.derive_private_key(7, ec.SECP256R1()))
    body = bytearray(json.dumps(seal(SECRET, key.jwk, in_old_form=False)).encode())
    at = data.draw(st.integers(0, len(body) - 1))
    changed = data.draw(st.integers(0, 255).filter(lambda value: value != body[at]))
    body[at] = changed
    try:
        secret = open_answer(bytes(body), key, takes_old_form=data.draw(st.booleans()))
    except KeyBrokerError:
        return
    pytest.fail(f"a changed answer gave {len(secret)} bytes")


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"protected":1}', b"\xff"])
def test_what_is_no_encrypted_answer_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_answer(body, takes_old_form=True)


def test_requests_are_those_of_the_documentation() -> None:
    jwk = {"kty": "RSA", "alg": "RSA1_5", "n": "AQ", "e": "AQAB"}
    challenge = Challenge(nonce=NONCE, hash_name="sha384")
    assert build_auth("0.1.0") == b'{"version":"0.1.0","tee":"tdx","extra-params":""}'
    log = base64.b64encode(join_logs(BOOT, EVIDENCE.aael)).decode()
    shown = {"quote": "+/8=", "cc_eventlog": log, "aa_eventlog": None}
    old = json.loads(build_attestation("0.1.0", challenge, jwk, EVIDENCE))
    assert old.keys() == {"tee-pubkey", "tee-evidence"}
    assert (old["tee-pubkey"], json.loads(old["tee-evidence"])) == (jwk, shown)
    new = json.loads(build_attestation("0.4.0", challenge, jwk, EVIDENCE))
    assert new == {
        "init-data": None,
        "runtime-data": {"nonce": NONCE, "tee-pubkey": jwk},
        "tee-evidence": {"primary_evidence": shown, "additional_evidence": ""},
    }


def test_without_a_firmware_log_no_log_is_shown() -> None:
    shown = describe_evidence(replace(EVIDENCE, ccel=None))
    assert shown == {"quote": "+/8=", "cc_eventlog": None, "aa_eventlog": None}


@pytest.mark.parametrize(
    ("extra", "hash_name"),
    [('""', "sha384"), ("{}", "sha384"), ('{"selected-hash-algorithm":"sha512"}', "sha512"), ("null", "sha384")],
)
def test_a_challenge_may_choose_the_hash(extra: str, hash_name: str) -> None:
    challenge = parse_challenge(f'{{"nonce":"{NONCE}","extra-params":{extra}}}'.encode())
    assert challenge == Challenge(nonce=NONCE, hash_name=hash_name)


@pytest.mark.parametrize("nonce", ["", "AAEC", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", "-" * 44, 7, None])
def test_a_challenge_of_another_form_is_refused(nonce: object) -> None:
    with pytest.raises(MalformedError):
        parse_challenge(json.dumps({"nonce": nonce, "extra-params": ""}).encode())


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"token":7}', b'{"token":"a.b"}', b'{"token":null}'])
def test_an_answer_without_a_token_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_attested(body)


def test_a_token_is_about_its_handshake_or_says_nothing_of_any(shared_vectors: Path) -> None:
    key, jwk = ec.generate_private_key(ec.SECP256R1()), dict(EcTeeKey().jwk)
    about = {"nonce": NONCE, "tee-pubkey": jwk}
    for claims in (
        {"submods": {"cpu0": {"ear.veraison.annotated-evidence": {"runtime_data_claims": about}}}},
        {"customized_claims": {"runtime_data": about}},
    ):
        token = sign_token(claims, key, "")
        assert is_about(token, nonce=NONCE, jwk=jwk)
        assert not is_about(token, nonce=NONCE[::-1], jwk=jwk)
        assert not is_about(token, nonce=NONCE, jwk=dict(EcTeeKey().jwk))
    published = (shared_vectors / "trustee" / "tdx_ear_token.txt").read_text().strip()
    assert is_about(published, nonce=NONCE, jwk=jwk)
    assert is_about("a.b.c", nonce=NONCE, jwk=jwk)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("kbs:///default/aliyun/model-key", "/kbs/v0/resource/default/aliyun/model-key"),
        ("kbs://broker.test:8080/a/b/c.d", "/kbs/v0/resource/a/b/c.d"),
        ("kbs://[::1]:80/a_b/-/9", "/kbs/v0/resource/a_b/-/9"),
        ("kbs://[::1]/a/b/c", "/kbs/v0/resource/a/b/c"),
        ("kbs:///a/b/c?version=2", "/kbs/v0/resource/a/b/c?version=2"),
    ],
)
def test_addresses_of_secrets_are_read_and_written_back(text: str, path: str) -> None:
    uri = parse_resource_uri(text)
    assert (str(uri), uri.path) == (text, path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "kbs://",
        "kbs:///a/b",
        "kbs:///a/b/c/d",
        "kbs:///a//c",
        "kbs:///../b/c",
        "kbs:///a/b/.c",
        "kbs:///a/b/c%2fd",
        "kbs:///a/b/c d",
        "kbs:///a/b/c#d",
        "kbs:///a/b/c\n",
        "kbs:///a/b/schlüssel",
        "kbs:///a/b/c?",
        "kbs://user@broker/a/b/c",
        "kbs://broker:0/a/b/c",
        "kbs://broker:65536/a/b/c",
        "kbs://broker:/a/b/c",
        "kbs+pkcs11:///a/b/c",
        "https://broker/a/b/c",
        "KBS:///a/b/c",
        "kbs:///a/b/" + "c" * 600,
    ],
)
def test_every_other_address_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is not the address of a secret"):
        parse_resource_uri(text)
