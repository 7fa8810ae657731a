"""One case per rule of `binding.*` and `verdict.token`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives import serialization

from attestation.encoding import b64decode, b64encode
from attestation.policy import NO_CONVERSATION
from tests.cases.case import Case
from tests.cases.scene import (
    LOG_ORIGIN,
    NOW,
    OTHER_KEY,
    OTHER_TOKEN_KEY,
    TOKEN_KEY,
    Scene,
    sign_jws,
)

SECOND = int(NOW.timestamp())
OTHER_32 = hashlib.sha256(b"other").digest()


def cases() -> Iterator[Case]:
    yield from _bindings()
    yield from _times()
    yield from _logs()
    yield from _tokens()
    yield from _replays()


def _bindings() -> Iterator[Case]:
    other_operator = b64encode(
        OTHER_KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    )
    x25519 = Scene(suite="X25519")
    short = b64encode(b"\x01" * 31)
    spoiled: dict[str, tuple[str, Scene]] = {
        "report_data_differs: zeros": ("binding.report_data", Scene(td={"report_data": bytes(64)})),
        "nonce_differs: another question": ("binding.nonce", Scene(expectation={"nonce": b64encode(OTHER_32)})),
        "conversation_differs: another one": (
            "binding.nonce",
            Scene(expectation={"conversation": "7a0c3a86-7b36-4c8e-8f2d-3d3f7d1f9a11"}),
        ),
        "conversation_differs: none named": ("binding.nonce", Scene(statement={"conversation": None})),
        "conversation_differs: one named, though the question named none": (
            "binding.nonce",
            Scene(expectation={"conversation": NO_CONVERSATION}),
        ),
        "conversation_differs: an empty one is not none": (
            "binding.nonce",
            Scene(statement={"conversation": ""}, expectation={"conversation": NO_CONVERSATION}),
        ),
        "nonce_differs: even where no conversation is known": (
            "binding.nonce",
            Scene(expectation={"nonce": b64encode(OTHER_32), "conversation": None}),
        ),
        "key_differs: another key": ("binding.key", Scene(spoiled={"evidence.kem_key": b64encode(OTHER_32)})),
        "key_differs: no key": ("binding.key", Scene(spoiled={"evidence.kem_key": ""})),
        "key_size: too short for X25519": (
            "binding.key",
            Scene(
                suite="X25519",
                statement={"kem_key_sha256": hashlib.sha256(b"\x01" * 31).digest()},
                spoiled={"evidence.kem_key": short},
                expectation={"suites": ["X25519"]},
            ),
        ),
        "key_size: an X25519 key named ML-KEM": (
            "binding.key",
            Scene(suite="X25519", statement={"kem_suite": "MLKEM768-X25519"}),
        ),
        "suite_differs: not the first one offered": ("binding.key", x25519),
        "suite_differs: not offered": ("binding.key", Scene(expectation={"suites": ["X25519"]})),
        "suite_differs: none offered": ("binding.key", Scene(expectation={"suites": []})),
        "suite_differs: an unknown one, whatever was offered": (
            "binding.key",
            Scene(statement={"kem_suite": "X448"}, expectation={"suites": ["X448"]}),
        ),
        "suite_differs: an unknown one, where the offer is not known": (
            "binding.key",
            Scene(statement={"kem_suite": "X448"}, expectation={"suites": None}),
        ),
        "origin_differs: another address": (
            "binding.origin",
            Scene(expectation={"origin": "https://chat.example"}),
        ),
        "deployment_signature: another operator": (
            "binding.origin",
            Scene(expectation={"deployment_key": other_operator}),
        ),
        "deployment_signature: none": ("binding.origin", Scene(spoiled={"evidence.deployment_sig": ""})),
        "deployment_signature: the key is no key": (
            "binding.origin",
            Scene(expectation={"deployment_key": b64encode(b"\x02" * 31)}),
        ),
    }
    for name, (check, scene) in spoiled.items():
        yield Case(name=name, scene=scene, fails={check: name.partition(":")[0]})


def _times() -> Iterator[Case]:
    def at(issued: int, expires: int, **options: Any) -> Scene:
        return Scene(statement={"issued_at": SECOND + issued, "expires_at": SECOND + expires}, **options)

    spoiled = {
        "lifetime_too_long: a second more": at(-1, 600),
        "lifetime_too_long: none": at(0, 0),
        "lifetime_too_long: it ends before it begins": at(10, 9),
        "not_yet_valid: beyond the clock's tolerance": at(121, 300),
        "expired: beyond the clock's tolerance": at(-400, -121),
        "answered_too_late: after ten minutes": Scene(expectation={"elapsed_s": 600.5}),
        "expired: even where the wait is not known": at(-400, -121, expectation={"elapsed_s": None}),
    }
    for name, scene in spoiled.items():
        yield Case(name=name, scene=scene, fails={"binding.fresh": name.partition(":")[0]})
    yield Case(name="good: issued within the clock's tolerance, statement", scene=at(120, 300))
    yield Case(name="good: just expired, within the clock's tolerance", scene=at(-400, -120))


def _logs() -> Iterator[Case]:
    root = hashlib.sha256(b"log").digest()
    view = {"origin": LOG_ORIGIN, "size": 7, "root": b64encode(root)}
    spoiled = {
        "log_differs: another root": Scene(
            statement={"log_size": 7, "log_root": OTHER_32}, expectation={"log_view": view}
        ),
        "log_differs: shorter": Scene(statement={"log_size": 6, "log_root": root}, expectation={"log_view": view}),
        "log_differs: empty again": Scene(expectation={"log_view": view}),
        "log_differs: empty with a root": Scene(statement={"log_root": root}),
    }
    for name, scene in spoiled.items():
        yield Case(name=name, scene=scene, fails={"binding.log": "log_differs"})


def _tokens() -> Iterator[Case]:
    good = Scene().build()["token"]
    head, claims, signature = good.split(".")
    own_key = {"jwk": {"kty": "EC"}, "jku": "https://elsewhere.example/jwks.json", "x5c": []}
    none, hmac, twice, listed = (
        b64encode(header.encode())
        for header in ('{"alg":"none"}', '{"alg":"HS256"}', '{"alg":"ES256","alg":"ES256"}', "[]")
    )
    wrong_claims = {"submods": {"cpu1": {"ear.status": "affirming"}}}
    spoiled = {
        "token_missing: none": _with_token(None),
        "token_malformed: not a JWS": _with_token("token"),
        "token_malformed: two parts": _with_token(f"{head}.{claims}"),
        "token_malformed: four parts": _with_token(good + "."),
        "token_malformed: padding": _with_token(good + "="),
        "token_malformed: the header is a list": _with_token(f"{listed}.{claims}.{signature}"),
        "token_malformed: a member twice": _with_token(f"{twice}.{claims}.{signature}"),
        "token_algorithm: none": _with_token(f"{none}.{claims}."),
        "token_algorithm: HMAC": _with_token(f"{hmac}.{claims}.{signature}"),
        "token_algorithm: critical extension": Scene(header={"crit": ["b64"]}),
        "token_signature: another key": Scene(token_key=OTHER_TOKEN_KEY),
        "token_signature: another key that the header brings": Scene(token_key=OTHER_TOKEN_KEY, header=own_key),
        "token_signature: none": _with_token(f"{head}.{claims}."),
        "token_signature: in DER": _with_token(f"{head}.{claims}.{_der(signature)}"),
        "token_signature: other claims": _with_token(f"{head}.{_flip(claims)}.{signature}"),
        "token_issuer: another": Scene(claims={"iss": "somebody"}),
        "token_issuer: none": Scene(claims={"iss": None}),
        "token_audience: another": Scene(claims={"aud": "somebody"}),
        "token_audience: none": Scene(claims={"aud": []}),
        "token_time: expired": Scene(claims={"iat": SECOND - 900, "nbf": SECOND - 900, "exp": SECOND - 121}),
        "token_time: not valid yet": Scene(claims={"nbf": SECOND + 121}),
        "token_time: issued in the future": Scene(claims={"iat": SECOND + 121, "nbf": SECOND, "exp": SECOND + 300}),
        "token_time: too long a life": Scene(claims={"exp": SECOND + 3601}),
        "token_time: no end": Scene(claims={"exp": None}),
        "token_time: an end as text": Scene(claims={"exp": str(SECOND + 300)}),
        "token_claims: warning": Scene(submodule={"ear.status": "warning"}),
        "token_claims: contraindicated": Scene(submodule={"ear.status": "contraindicated"}),
        "token_claims: no status": Scene(submodule={"ear.status": None}),
        "token_claims: no CPU": Scene(claims=wrong_claims),
        "token_claims: no submodules": Scene(claims={"submods": []}),
        "token_claims: no evidence": Scene(submodule={"ear.veraison.annotated-evidence": {}}),
    }
    for name, scene in spoiled.items():
        yield Case(name=name, scene=scene, fails={"verdict.token": name.partition(":")[0]})
    for name in ("report_data", "mr_td", "rtmr_0", "rtmr_1", "rtmr_2", "rtmr_3"):
        size = 64 if name == "report_data" else 48
        yield Case(
            name=f"token_claims: {name} of another quote",
            scene=Scene(body_claims={name: "01" * size}),
            fails={"verdict.token": "token_claims"},
        )
    yield Case(name="good: what the token says of its own key is not looked at", scene=Scene(header=own_key))
    empty = sign_jws({"alg": "ES256"}, {}, TOKEN_KEY)
    yield Case(name="token_issuer: no claims", scene=_with_token(empty), fails={"verdict.token": "token_issuer"})


def _replays() -> Iterator[Case]:
    """Genuine parts of another handshake."""
    other = Scene(statement={"nonce": OTHER_32, "instance": bytes(16)}).build()
    yield Case(
        name="replay: another session's quote",
        scene=Scene(spoiled={"evidence.quote": other["evidence"]["quote"]}),
        fails={"binding.report_data": "report_data_differs", "verdict.token": "token_claims"},
    )
    yield Case(
        name="replay: another session's token",
        scene=_with_token(other["token"]),
        fails={"verdict.token": "token_claims"},
    )
    yield Case(
        name="replay: another session's statement",
        scene=Scene(
            spoiled={f"evidence.{name}": other["evidence"][name] for name in ("statement", "deployment_sig")},
        ),
        fails={"binding.report_data": "report_data_differs", "binding.nonce": "nonce_differs"},
    )
    yield Case(
        name="replay: another session's evidence",
        scene=Scene(spoiled={"evidence": other["evidence"], "token": other["token"]}),
        fails={"binding.nonce": "nonce_differs"},
    )


def _with_token(token: str | None) -> Scene:
    return Scene(spoiled={"token": token})


def _flip(part: str) -> str:
    """Change a digit of a time within encoded claims; they stay JSON."""
    data = b64decode(part)
    position = data.index(b'"exp":') + len('"exp":12345')
    return b64encode(data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :])


def _der(signature: str) -> str:
    """Return a raw signature as the DER that libraries make, of numbers that need no padding."""
    raw = b64decode(signature)
    parts = b"".join(b"\x02\x20" + raw[start : start + 32] for start in (0, 32))
    return b64encode(b"\x30\x44" + parts)
