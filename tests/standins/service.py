"""What every stand-in for an attestation service has: HTTP as ASGI, a signing key, and all the ways of a liar."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from attestation.encoding import b64encode
from attestation.issuer import LEEWAY_S, TokenIssuer
from attestation.quote import Quote, parse_quote
from attestation.services.ear import describe_quote

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Claims = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What is answered; `pause_s` before each of the pieces that the body is cut into."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    pause_s: float = 0.0

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Reply:
        return cls(status, json.dumps(value).encode(), {"content-type": "application/json"})

    @classmethod
    def text(cls, text: str, status: int = 200) -> Reply:
        return cls(status, text.encode(), {"content-type": "text/plain; charset=utf-8"})


@cache
def rsa_key(number: int = 0) -> rsa.RSAPrivateKey:
    """Return one of the keys that tests share; making them takes a while."""
    return rsa.generate_private_key(65537, 2048)


def ec_key(number: int = 0) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(1_000_003 + number, ec.SECP256R1())


class StandIn:
    """A service that can be made to lie: in its answers to HTTP, in its claims, its header, or by its key."""

    algorithm = "ES256"
    form = "ear"
    issuer: str | None = None
    audience: str | None = None
    max_lifetime_s = 3600
    lifetime_s = 300

    def __init__(
        self, *, now: Callable[[], datetime] = lambda: datetime.now(UTC), key: PrivateKey | None = None
    ) -> None:
        self.now = now
        self.key = key or (ec_key() if self.algorithm == "ES256" else rsa_key())
        self.signing_key: PrivateKey = self.key
        self.kid = "4653550c-5551-5e6f-92b5-22f530229751"
        self.asked: list[Request] = []
        self.instead: Callable[[Request], Reply | None] = lambda request: None
        self.change_claims: Callable[[Claims], Claims] = lambda claims: claims
        self.change_header: Callable[[Claims], Claims] = lambda header: header
        self.change_token: Callable[[str], str] = lambda token: token

    def pinned(self, **changes: Any) -> TokenIssuer:
        """Return this service as somebody pins it."""
        pin: dict[str, Any] = {
            "name": self.form,
            "form": self.form,
            "issuer": self.issuer,
            "audience": self.audience,
            "algorithm": self.algorithm,
            "keys": (public_jwk(self.key),),
            "root_sha256": (),
            "policies": (),
            "max_lifetime_s": self.max_lifetime_s,
            "leeway_s": LEEWAY_S,
        }
        return TokenIssuer(**(pin | changes))

    def answer(self, request: Request) -> Reply:
        """Answer as the documentation says."""
        raise NotImplementedError

    def sign(self, claims: Claims, header: Claims) -> str:
        """Return a token, with every lie that it was told to tell."""
        times = {"iat": int(self.now().timestamp()), "exp": int(self.now().timestamp()) + self.lifetime_s}
        names = {name: value for name, value in (("iss", self.issuer), ("aud", self.audience)) if value is not None}
        claims = self.change_claims({**names, **times, **claims})
        header = self.change_header({"typ": "JWT", "alg": self.algorithm, **header})
        return self.change_token(sign_jws(header, claims, self.signing_key, self.algorithm))

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: Callable[[], Any], send: Callable[[Any], Any]
    ) -> None:
        if scope["type"] == "lifespan":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode().lower(): value.decode() for name, value in scope["headers"]}
        request = Request(scope["method"], scope["path"], headers, body)
        self.asked.append(request)
        reply = self.instead(request) or self.answer(request)
        await send_reply(reply, send)


async def send_reply(reply: Reply, send: Callable[[Any], Any]) -> None:
    names = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": names})
    step = max(1, len(reply.body) // 50) if reply.pause_s else max(1, len(reply.body))
    for at in range(0, max(1, len(reply.body)), step):
        if reply.pause_s:
            await asyncio.sleep(reply.pause_s)
        await send({"type": "http.response.body", "body": reply.body[at : at + step], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def read_quote(text: str) -> Quote:
    """Return a quote in standard base64, as every service takes it."""
    return parse_quote(base64.b64decode(text, validate=True))


def flat_claims(quote: Quote) -> Claims:
    """Return a quote as Trustee's older tokens and Alibaba's have it."""
    fields = describe_quote(quote)
    body = {f"tdx.quote.body.{name}": value for name, value in fields["quote"]["body"].items()}
    header = {f"tdx.quote.header.{name}": value for name, value in fields["quote"]["header"].items()}
    attributes = {f"tdx.td_attributes.{name}": value for name, value in fields["td_attributes"].items()}
    return {**header, **body, **attributes, "report_data": quote.report.report_data.hex(), "init_data": "00" * 48}


def sign_jws(header: Claims, claims: Claims, key: PrivateKey, algorithm: str) -> str:
    """Return a compact JWS; a key that does not suit the algorithm signs as it can."""
    signed = ".".join(b64encode(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        signature = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    elif algorithm == "PS384":
        pss = padding.PSS(padding.MGF1(hashes.SHA384()), 48)
        signature = key.sign(signed.encode(), pss, hashes.SHA384())
    else:
        hashed = hashes.SHA384() if algorithm == "RS384" else hashes.SHA256()
        signature = key.sign(signed.encode(), padding.PKCS1v15(), hashed)
    return f"{signed}.{b64encode(signature)}"


def public_jwk(key: PrivateKey) -> Claims:
    """Return a public key as a JWK, with nothing but the key."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        x, y = (b64encode(value.to_bytes(32, "big")) for value in (point.x, point.y))
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "n": b64encode(numbers.n.to_bytes(256, "big")), "e": "AQAB"}
