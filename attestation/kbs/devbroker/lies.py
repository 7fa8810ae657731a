"""Every way in which a broker can lie or fail, by name: each changes one honest answer, and a client must notice."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric import ec

from attestation.encoding import b64decode, b64encode
from attestation.kbs.devbroker.application import Call, Change, Reply
from attestation.kbs.devbroker.broker import DevBroker
from attestation.kbs.devbroker.refusals import build_refusal
from attestation.kbs.devbroker.sealing import seal
from attestation.kbs.tee_keys import EcTeeKey, encode_point

Endpoint = Literal["auth", "attest", "resource"]
Members = dict[str, Any]

HUGE_BYTES = 8 * 1024 * 1024
SLOW_S = 2.0
_OLD_SESSION = "0" * 32


@dataclass(frozen=True, slots=True)
class Lie:
    """One lie: `code` is what a client must answer to it, `words` say what it is."""

    name: str
    code: str
    words: str
    change: Change


def _at(endpoint: Endpoint, how: Callable[[Reply], Reply]) -> Change:
    def change(broker: DevBroker, call: Call, reply: Reply) -> Reply:
        return how(reply) if call.endpoint == endpoint and reply.status == 200 else reply

    return change


def _members(endpoint: Endpoint, how: Callable[[Members], Any]) -> Change:
    return _at(endpoint, lambda reply: reply.with_json(how(reply.json())))


def _header(how: Callable[[Members], Members]) -> Change:
    """Change the header of an encrypted answer, in the form in which it stands."""

    def change(answer: Members) -> Members:
        protected = answer["protected"]
        is_old = protected.startswith("{")
        header = how(json.loads(protected if is_old else b64decode(protected)))
        text = json.dumps(header, separators=(",", ":"))
        return {**answer, "protected": text if is_old else b64encode(text.encode())}

    return _members("resource", change)


def _flip(text: str) -> str:
    data = bytearray(b64decode(text))
    data[-1] ^= 1
    return b64encode(bytes(data))


def _to_another_key(broker: DevBroker, call: Call, reply: Reply) -> Reply:
    """Seal a good secret to a key of the same kind that is not the guest's."""
    session = broker.sessions.get(call.cookie or "")
    if call.endpoint != "resource" or reply.status != 200 or session is None or session.jwk is None:
        return reply
    jwk: Mapping[str, Any] = session.jwk
    if jwk["kty"] == "EC":
        return reply.with_json(seal(b"another secret", EcTeeKey().jwk, in_old_form=False))
    modulus = bytearray(b64decode(jwk["n"]))
    modulus[-2] ^= 1
    other = {**jwk, "n": b64encode(bytes(modulus))}
    return reply.with_json(seal(b"another secret", other, in_old_form=session.version == "0.1.0"))


def _token_of_another(broker: DevBroker, call: Call, reply: Reply) -> Reply:
    if call.endpoint != "attest" or reply.status != 200:
        return reply
    claims = broker.tokens.verify(reply.json()["token"])
    jwk = {**EcTeeKey().jwk}
    token = broker.tokens.issue(claims, version="0.4.0", nonce=b64encode(bytes(32)), jwk=jwk)
    return reply.with_json({"token": token})


def _without_cookie(reply: Reply) -> Reply:
    return replace(reply, headers=tuple(pair for pair in reply.headers if pair[0] != "set-cookie"))


def _with_cookie(value: str, expires: str) -> Callable[[Reply], Reply]:
    cookie = ("set-cookie", f"kbs-session-id={value}; Expires={expires}")

    def change(reply: Reply) -> Reply:
        return replace(reply, headers=(*_without_cookie(reply).headers, cookie))

    return change


def _reply(endpoint: Endpoint, reply: Reply) -> Change:
    return _at(endpoint, lambda honest: reply)


def _other_point(header: Members) -> Members:
    once = ec.generate_private_key(ec.SECP256R1())
    return {**header, "epk": {"kty": "EC", "crv": "P-256", **encode_point(once.public_key())}}


_PAGE = Reply(200, b"<!doctype html><title>Sign in</title>", (("content-type", "text/html"),))
_MOVED = Reply(302, b"", (("location", "http://elsewhere.invalid/kbs/v0/auth"),))
_PACKED = Reply(200, b"\x1f\x8b", (("content-encoding", "gzip"), ("content-type", "application/json")))
_FUTURE, _PAST = "Fri, 31 Dec 2100 23:59:59 GMT", "Sat, 01 Jan 2000 00:00:00 GMT"

_LIES = (
    Lie("auth-page", "kbs_protocol", "a page where a challenge belongs", _reply("auth", _PAGE)),
    Lie("auth-redirect", "kbs_redirect", "an address elsewhere", _reply("auth", _MOVED)),
    Lie("auth-packed", "kbs_protocol", "a packed answer", _reply("auth", _PACKED)),
    Lie("auth-empty", "kbs_protocol", "nothing", _reply("auth", Reply(200, b""))),
    Lie("auth-cut", "kbs_protocol", "half a challenge", _at("auth", lambda r: replace(r, body=r.body[:20]))),
    Lie("auth-list", "kbs_protocol", "JSON of another form", _members("auth", lambda m: [m])),
    Lie("auth-huge", "kbs_protocol", "an endless answer", _reply("auth", Reply(200, b" " * HUGE_BYTES))),
    Lie("auth-slow", "kbs_timeout", "a challenge that drips", _at("auth", lambda r: replace(r, pause_s=SLOW_S))),
    Lie("nonce-none", "kbs_protocol", "no nonce", _members("auth", lambda m: {"extra-params": ""})),
    Lie(
        "nonce-short", "kbs_protocol", "a nonce of 8 bytes", _members("auth", lambda m: {**m, "nonce": "AAECAwQFBgc="})
    ),
    Lie(
        "nonce-other",
        "kbs_attestation",
        "another nonce than it remembers",
        _members("auth", lambda m: {**m, "nonce": "A" * 43 + "="}),
    ),
    Lie(
        "hash-weak",
        "kbs_protocol",
        "a hash that nobody should use",
        _members("auth", lambda m: {**m, "extra-params": {"selected-hash-algorithm": "md5"}}),
    ),
    Lie("cookie-none", "kbs_protocol", "no session cookie", _at("auth", _without_cookie)),
    Lie("cookie-past", "kbs_protocol", "a cookie that is over", _at("auth", _with_cookie(_OLD_SESSION, _PAST))),
    Lie("cookie-old", "kbs_session", "another session's cookie", _at("auth", _with_cookie(_OLD_SESSION, _FUTURE))),
    Lie("token-none", "kbs_protocol", "no token", _members("attest", lambda m: {})),
    Lie("token-text", "kbs_protocol", "a token that is none", _members("attest", lambda m: {"token": "yes"})),
    Lie("token-other", "kbs_protocol", "a token about another guest", _token_of_another),
    Lie("attest-page", "kbs_protocol", "a page where a token belongs", _reply("attest", _PAGE)),
    Lie("attest-redirect", "kbs_redirect", "an address elsewhere", _reply("attest", _MOVED)),
    Lie("attest-slow", "kbs_timeout", "a token that drips", _at("attest", lambda r: replace(r, pause_s=SLOW_S))),
    Lie("key-other", "kbs_sealed", "a secret sealed to another key", _to_another_key),
    Lie("alg-none", "kbs_algorithm", "no encryption of the key", _header(lambda h: {**h, "alg": "dir"})),
    Lie("alg-weak", "kbs_algorithm", "a weaker encryption of the key", _header(lambda h: {**h, "alg": "RSA1_4"})),
    Lie("enc-weak", "kbs_algorithm", "a weaker cipher", _header(lambda h: {**h, "enc": "A128CBC-HS256"})),
    Lie("header-more", "kbs_algorithm", "a header with more in it", _header(lambda h: {**h, "zip": "DEF"})),
    Lie("resource-page", "kbs_protocol", "a page where a secret belongs", _reply("resource", _PAGE)),
    Lie("resource-huge", "kbs_protocol", "an endless answer", _reply("resource", Reply(200, b" " * HUGE_BYTES))),
    Lie("resource-cut", "kbs_protocol", "half an answer", _at("resource", lambda r: replace(r, body=r.body[:99]))),
    Lie("resource-redirect", "kbs_redirect", "an address elsewhere", _reply("resource", _MOVED)),
    Lie(
        "resource-flipped",
        "kbs_sealed",
        "one bit of the secret changed",
        _members("resource", lambda m: {**m, "ciphertext": _flip(m["ciphertext"])}),
    ),
    Lie(
        "key-flipped",
        "kbs_sealed",
        "one bit of the encrypted key changed",
        _members("resource", lambda m: {**m, "encrypted_key": _flip(m["encrypted_key"])}),
    ),
    Lie("iv-short", "kbs_protocol", "a short IV", _members("resource", lambda m: {**m, "iv": "AAAA"})),
    Lie("iv-other", "kbs_sealed", "another IV", _members("resource", lambda m: {**m, "iv": _flip(m["iv"])})),
    Lie(
        "secret-empty", "kbs_protocol", "no secret", _members("resource", lambda m: {**m, "ciphertext": "", "tag": ""})
    ),
)

# What only the standard form of an encrypted answer can hold.
_STANDARD_LIES = (
    Lie("epk-other", "kbs_sealed", "another ephemeral key", _header(_other_point)),
    Lie(
        "form-old",
        "kbs_protocol",
        "protocol 0.1.0's form, whose header nothing vouches for",
        _members("resource", lambda m: {**m, "protected": b64decode(m["protected"]).decode()}),
    ),
    Lie("tag-short", "kbs_protocol", "a short tag", _members("resource", lambda m: {**m, "tag": m["tag"][:12]})),
    Lie("tag-other", "kbs_sealed", "another tag", _members("resource", lambda m: {**m, "tag": _flip(m["tag"])})),
)

STANDARD_ONLY = frozenset(lie.name for lie in _STANDARD_LIES)
LIES: Mapping[str, Lie] = {lie.name: lie for lie in (*_LIES, *_STANDARD_LIES)}


def refuse_with(variant: str, detail: str = "", *, endpoint: Endpoint = "resource") -> Change:
    """Return what answers with an error document of any variant, whatever is asked."""
    status, document = build_refusal(variant, detail)
    reply = Reply(status, json.dumps(document).encode())

    def change(broker: DevBroker, call: Call, honest: Reply) -> Reply:
        return reply if call.endpoint == endpoint else honest

    return change
