"""A stand-in for Intel Trust Authority, versions 1 and 2, written from its API and its published clients."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from attestation.quote import Quote
from tests.standins.service import Claims, Reply, Request, StandIn, public_jwk, read_quote, rsa_key

API_KEY = "djE6example"
PORTAL = "https://portal.trustauthority.intel.com"
PSS = padding.PSS(padding.MGF1(hashes.SHA384()), 48)


class TrustAuthority(StandIn):
    """Answers under both versions' paths; its keys come with certificates up to a root of its own."""

    form = "trust-authority"
    algorithm = "PS384"
    issuer = PORTAL
    kid = "ab" * 48
    policies = ("6d1d5a7e-1f2b-4c3d-8e9f-0a1b2c3d4e5f",)
    status = "UpToDate"

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self.kid = "ab" * 48
        self.chain = certificates()
        self.nonce_key = b"only this service knows it"

    def pinned(self, **changes: Any) -> Any:
        roots = (hashlib.sha256(self.chain[-1]).digest(),)
        return super().pinned(**{"keys": (), "root_sha256": roots, **changes})

    def answer(self, request: Request) -> Reply:
        if request.path == "/certs":
            return Reply.json(self.jwks())
        if request.headers.get("x-api-key") != API_KEY:
            return Reply.json({"error": "unauthorized"}, 401)
        version = request.path.split("/")[2] if request.path.count("/") == 3 else ""
        match request.method, request.path.removeprefix(f"/appraisal/{version}"):
            case "GET", "/nonce":
                return Reply.json(self.nonce())
            case "POST", "/attest":
                try:
                    return Reply.json({"token": self.evaluate(request.json(), version)})
                except (KeyError, ValueError) as error:
                    return Reply.json({"error": f"Bad request: {error}"}, 400)
        return Reply.json({"error": "not found"}, 404)

    def jwks(self) -> dict[str, Any]:
        texts = [base64.b64encode(der).decode() for der in self.chain]
        return {"keys": [{**public_jwk(self.key), "alg": self.algorithm, "kid": self.kid, "x5c": texts}]}

    def nonce(self) -> dict[str, str]:
        """Return a nonce whose members are base64 once more than one would think."""
        value = base64.b64encode(hashlib.sha384(str(len(self.asked)).encode()).digest())
        time = f"{self.now():%Y-%m-%d %H:%M:%S +0000 UTC}".encode()
        return {name: base64.b64encode(part).decode() for name, part in self._signed(value, time).items()}

    def evaluate(self, members: dict[str, Any], version: str) -> str:
        tdx = members if version == "v1" else members["tdx"]
        quote, runtime = read_quote(tdx["quote"]), base64.b64decode(tdx["runtime_data"], validate=True)
        nonce = {name: base64.b64decode(text) for name, text in tdx.get("verifier_nonce", {}).items()}
        if nonce and not hmac.compare_digest(nonce["signature"], self._signed(nonce["val"], nonce["iat"])["signature"]):
            raise ValueError("the nonce is not ours")
        hashed = hashlib.sha512(nonce.get("val", b"") + nonce.get("iat", b"") + runtime).digest()
        if hashed != quote.report.report_data:
            raise ValueError("report data mismatch")
        unmatched = [name for name in members.get("policy_ids", []) if name not in self.policies]
        if unmatched and members.get("policy_must_match"):
            raise ValueError("a policy does not match")
        return self.sign(*self.write(quote, tdx, members, version=version, unmatched=unmatched))

    def write(
        self, quote: Quote, tdx: dict[str, Any], members: dict[str, Any], *, version: str, unmatched: list[str]
    ) -> tuple[Claims, Claims]:
        matched = [name for name in members.get("policy_ids", []) if name not in unmatched]
        policies = {
            "policy_ids_matched": [{"id": name, "version": "v1", "hash": "aGFzaA=="} for name in matched],
            "policy_ids_unmatched": [{"id": name, "version": "v1", "hash": "aGFzaA=="} for name in unmatched],
        }
        machine = {**self._machine(quote), "attester_held_data": tdx["runtime_data"]}
        if "verifier_nonce" in tdx:
            machine["verifier_nonce"] = tdx["verifier_nonce"]
        shape = {**machine, "ver": "1.0.0"} if version == "v1" else {"tdx": machine, "ver": "2.0.0"}
        times = {"nbf": int(self.now().timestamp()), "jti": "8f5c7a1e-0000-4000-8000-000000000000"}
        return {**shape, **policies, **times, "intuse": "generic"}, {"jku": f"{PORTAL}/certs", "kid": self.kid}

    def _machine(self, quote: Quote) -> Claims:
        report = quote.report
        registers = {
            "mrtd": report.mr_td,
            "mrseam": report.mr_seam,
            "report_data": report.report_data,
            **{f"rtmr{index}": getattr(report, f"rtmr{index}") for index in range(4)},
        }
        return {
            **{f"tdx_{name}": value.hex() for name, value in registers.items()},
            "attester_type": "TDX",
            "attester_tcb_status": self.status,
            "attester_advisory_ids": [],
            "tdx_is_debuggable": bool(report.td_attributes[0] & 1),
            "tdx_seamsvn": 3,
        }

    def _signed(self, value: bytes, time: bytes) -> dict[str, bytes]:
        return {"val": value, "iat": time, "signature": hmac.digest(self.nonce_key, value + time, "sha384")}


@cache
def certificates(*, years: int = 20) -> tuple[bytes, ...]:
    """Return leaf, authority and root (DER): the root signs with PKCS#1, the authority with PSS."""
    root = _certify("Root CA", rsa_key(2), "Root CA", rsa_key(2), is_ca=True, years=years)
    authority = _certify("Signing CA", rsa_key(1), "Root CA", rsa_key(2), is_ca=True, years=years)
    leaf = _certify(
        "Attestation Token Signing", rsa_key(), "Signing CA", rsa_key(1), is_ca=False, years=years, pss=True
    )
    return leaf, authority, root


def _certify(
    name: str,
    key: rsa.RSAPrivateKey,
    issuer: str,
    issuer_key: rsa.RSAPrivateKey,
    *,
    is_ca: bool,
    years: int,
    pss: bool = False,
) -> bytes:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    subject, by = (x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in (name, issuer))
    builder = (
        x509.CertificateBuilder(by, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=365 * years))
        .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
    )
    signed = builder.sign(issuer_key, hashes.SHA384(), rsa_padding=PSS if pss else None)
    return signed.public_bytes(Encoding.DER)
