from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from hypothesis import given, settings
from hypothesis import strategies as st

from attestation.encoding import b64decode, b64encode
from attestation.errors import AppraisalError, ConfigurationError
from attestation.issuer import TokenIssuer
from attestation.token import MAX_TOKEN_SIZE, public_jwk, sign_token, verify_token
from tests.cases.scene import NOW, OTHER_TOKEN_KEY, TOKEN_AUDIENCE, TOKEN_ISSUER, TOKEN_KEY

SECOND = int(NOW.timestamp())
CLAIMS: dict[str, Any] = {
    "iss": TOKEN_ISSUER,
    "aud": TOKEN_AUDIENCE,
    "iat": SECOND,
    "nbf": SECOND,
    "exp": SECOND + 300,
}
JWK = public_jwk(TOKEN_KEY.public_key(), "kid")
ISSUER = TokenIssuer(
    name="test",
    form="ear",
    issuer=TOKEN_ISSUER,
    audience=TOKEN_AUDIENCE,
    algorithm="ES256",
    keys=(JWK,),
    root_sha256=(),
    policies=(),
    max_lifetime_s=3600,
    leeway_s=120,
)
TOKEN = sign_token(CLAIMS, TOKEN_KEY, "kid")


def refusal(token: str, issuer: TokenIssuer = ISSUER, *, now: datetime = NOW) -> str:
    with pytest.raises(AppraisalError) as caught:
        verify_token(token, issuer, now=now)
    return caught.value.code


def issuer(**changes: Any) -> TokenIssuer:
    return replace(ISSUER, **changes)


def test_a_signed_token_is_read_again() -> None:
    assert verify_token(TOKEN, ISSUER, now=NOW) == CLAIMS
    header = json.loads(b64decode(TOKEN.split(".")[0]))
    assert header == {"typ": "JWT", "alg": "ES256", "kid": "kid"}


def test_another_key_or_algorithm_is_refused_whatever_the_header_says() -> None:
    assert refusal(sign_token(CLAIMS, OTHER_TOKEN_KEY, "kid")) == "token_signature"
    assert refusal(TOKEN, issuer(algorithm="RS256")) == "token_algorithm"


@pytest.mark.parametrize(("offset_s", "is_valid"), [(-120, True), (-121, False), (420, True), (421, False)])
def test_a_token_holds_from_its_first_to_its_last_second(offset_s: int, is_valid: bool) -> None:
    now = NOW + timedelta(seconds=offset_s)
    if is_valid:
        assert verify_token(TOKEN, ISSUER, now=now) == CLAIMS
    else:
        assert refusal(TOKEN, now=now) == "token_time"


def test_every_truncation_and_appended_character_is_refused() -> None:
    for size in range(len(TOKEN)):
        assert refusal(TOKEN[:size]) in ("token_malformed", "token_signature")
    for character in ("A", "=", ".", " ", "\n", "é"):
        assert refusal(TOKEN + character) in ("token_malformed", "token_signature")


def test_a_token_has_a_largest_size() -> None:
    assert refusal(TOKEN.replace(".", "." + MAX_TOKEN_SIZE * "A", 1)) == "token_malformed"


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(TOKEN)), st.text(max_size=3), st.integers(0, 3))
def test_damaged_tokens_raise_nothing_else(position: int, put: str, cut: int) -> None:
    damaged = TOKEN[:position] + put + TOKEN[position + cut :]
    try:
        assert verify_token(damaged, ISSUER, now=NOW) == CLAIMS
    except AppraisalError as error:
        code = error.code
    else:
        code, damaged = "token_", TOKEN
    assert code.startswith("token_")
    assert damaged == TOKEN or code != "token_"


@pytest.mark.parametrize(
    "key",
    [
        {},
        {"kty": "EC"},
        {**JWK, "kty": "RSA"},
        {**JWK, "crv": "P-384"},
        {**JWK, "x": JWK["y"]},
        {**JWK, "x": 7},
        {**JWK, "x": "*"},
        {**JWK, "x": b64encode(bytes(31))},
    ],
)
def test_a_pinned_key_that_is_none_is_a_configuration_error(key: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        verify_token(TOKEN, issuer(keys=(key,)), now=NOW)


def test_an_algorithm_that_is_not_supported_is_a_configuration_error() -> None:
    """Even where somebody pinned it: a token that says so is not read on."""
    for algorithm in ("none", "HS256"):
        head = b64encode(json.dumps({"alg": algorithm}).encode())
        with pytest.raises(ConfigurationError):
            verify_token(f"{head}.{TOKEN.split('.')[1]}.", issuer(algorithm=algorithm), now=NOW)


def test_numbers_of_published_keys_may_be_padded() -> None:
    key = {**JWK, "x": JWK["x"] + "=", "y": JWK["y"] + "="}
    assert verify_token(TOKEN, issuer(keys=(key,)), now=NOW) == CLAIMS


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def rsa_jwk(key: rsa.RSAPrivateKey) -> dict[str, str]:
    numbers = key.public_key().public_numbers()
    return {
        "kty": "RSA",
        "n": b64encode(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
        "e": b64encode(numbers.e.to_bytes(3, "big")),
    }


@pytest.mark.parametrize(("algorithm", "hashed"), [("RS256", hashes.SHA256()), ("RS384", hashes.SHA384())])
def test_services_that_sign_with_rsa_can_be_pinned(
    rsa_key: rsa.RSAPrivateKey, algorithm: str, hashed: hashes.HashAlgorithm
) -> None:
    parts = (json.dumps(part).encode() for part in ({"alg": algorithm}, CLAIMS))
    signed = ".".join(b64encode(part) for part in parts)
    signature = rsa_key.sign(signed.encode(), padding.PKCS1v15(), hashed)
    pinned = issuer(algorithm=algorithm, keys=(rsa_jwk(rsa_key),))
    assert verify_token(f"{signed}.{b64encode(signature)}", pinned, now=NOW) == CLAIMS
    assert refusal(f"{signed}.{b64encode(signature[:-1] + b'0')}", pinned) == "token_signature"
    assert refusal(f"{signed}.{b64encode(signature)}", issuer(algorithm="ES256")) == "token_algorithm"
    with pytest.raises(ConfigurationError):
        verify_token(f"{signed}.{b64encode(signature)}", issuer(algorithm=algorithm, keys=(JWK,)), now=NOW)


def test_short_rsa_keys_are_not_pinned() -> None:
    short = {"kty": "RSA", "n": b64encode(b"\xff" * 128), "e": "AQAB"}
    head = b64encode(b'{"alg":"RS256"}')
    with pytest.raises(ConfigurationError):
        verify_token(f"{head}.{TOKEN.split('.')[1]}.", issuer(algorithm="RS256", keys=(short,)), now=NOW)


@pytest.mark.parametrize("name", ["ear_token.txt", "tdx_ear_token.txt"])
def test_published_tokens_verify_under_their_key_and_are_not_ours(shared_vectors: Path, name: str) -> None:
    """Trustee's own examples name no issuer; and the key in their header counts only where it is pinned."""
    token = (shared_vectors / "trustee" / name).read_text().strip()
    head = token.split(".")[0]
    header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    assert refusal(token, issuer(keys=(header["jwk"],))) == "token_issuer"
    assert refusal(token) == "token_signature"
