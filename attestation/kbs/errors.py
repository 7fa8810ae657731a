"""What can go wrong between a key broker and its client: a stable code for each, with what an operator can do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attestation.encoding import parse_json
from attestation.errors import AttestationError, MalformedError
from attestation.printing import printable

MAX_SAID = 400

# Code -> what it means and what to do, for people.
CODES: Mapping[str, str] = {
    "kbs_unavailable": "The key broker cannot be reached, or is busy. Try again later; see that its address is right.",
    "kbs_timeout": "The key broker did not answer in time. Try again later.",
    "kbs_certificate": "Who answers at the broker's address has another TLS certificate. Look at pins and authorities.",
    "kbs_redirect": "The broker's address sends elsewhere. Configure the address where the broker itself answers.",
    "kbs_protocol": "What answers is not a key broker, or one that breaks its protocol. Nothing of it is believed.",
    "kbs_version": "The broker speaks another version of the protocol. Configure the version that it speaks.",
    "kbs_authentication": "The broker does not take who asks. See its log.",
    "kbs_session": "The broker does not know the session any more. A new handshake is made by itself; see its clock.",
    "kbs_attestation": "The broker did not accept the evidence. Its log says why; see this machine's measurements.",
    "kbs_request": "The broker cannot read the request. Its version may differ from the one that is configured.",
    "kbs_policy": "The broker's policy does not give this secret to this machine.",
    "kbs_resource": "The broker cannot read the secret: there is none of this name, or its KMS fails.",
    "kbs_path": "The broker has no such path. See the kbs:// address and the broker's plugins.",
    "kbs_token": "The broker does not accept its attestation token. A new handshake is made by itself.",
    "kbs_key": "The broker does not take this kind of key. Configure RSA or EC, as it wants.",
    "kbs_broker": "The broker failed by itself. See its log.",
    "kbs_refused": "The broker refused without a reason that this client knows.",
    "kbs_algorithm": "The broker encrypted the secret in another way than it was asked to. It is not opened.",
    "kbs_sealed": "The broker's answer does not open with the key of this handshake: it is damaged, or for another.",
}

PASSING = frozenset({"kbs_unavailable", "kbs_timeout", "kbs_session", "kbs_token"})

# The error documents of upstream Trustee (kbs/src/error.rs) and of Alibaba's 1.0.0 (kbs/src/http/error.rs).
_VARIANTS: Mapping[str, str] = {
    "ProtocolVersion": "kbs_version",
    "FailedAuthentication": "kbs_authentication",
    "AdminAuthAccess": "kbs_authentication",
    "MissingCookie": "kbs_session",
    "InvalidCookie": "kbs_session",
    "ExpiredCookie": "kbs_session",
    "UnAuthenticatedCookie": "kbs_session",
    "TokenNotFound": "kbs_session",
    "AttestationFailed": "kbs_attestation",
    "AttestationError": "kbs_attestation",
    "InvalidRequest": "kbs_request",
    "SerdeError": "kbs_request",
    "PolicyReject": "kbs_policy",
    "PolicyDeny": "kbs_policy",
    "ReadSecretFailed": "kbs_resource",
    "PluginInternalError": "kbs_resource",
    "InvalidRequestPath": "kbs_path",
    "PluginNotFound": "kbs_path",
    "TokenParseFailed": "kbs_token",
    "TokenVerifierError": "kbs_token",
    "AttestationClaimsParseFailed": "kbs_broker",
    "HTTPFailed": "kbs_broker",
    "HTTPSFailed": "kbs_broker",
    "JWEFailed": "kbs_broker",
    "JweError": "kbs_broker",
    "ParsePolicyError": "kbs_broker",
    "PolicyEndpoint": "kbs_broker",
    "PolicyEngineError": "kbs_broker",
    "PolicyEngineFailed": "kbs_broker",
    "PublicKeyGetFailed": "kbs_broker",
    "RvpsError": "kbs_broker",
    "SetSecretFailed": "kbs_broker",
    "TokenIssueFailed": "kbs_broker",
    "UserPublicKeyNotProvided": "kbs_broker",
}

# Variants that stand for several things, told apart by a part of their detail.
_BY_DETAIL: tuple[tuple[str, str, str], ...] = (
    ("AttestationError", "Protocol Version Mismatch", "kbs_version"),
    ("InvalidRequest", "parse Authorization header failed", "kbs_session"),
    ("JWEFailed", "algorithm is not", "kbs_key"),
)


class KeyBrokerError(AttestationError):
    """A broker gave no secret; `code` is one of `CODES`.

    `said` are the broker's own words, or the network's: printable, cut, and nobody's but theirs. They are for an
    operator's terminal, never for the wire.
    """

    def __init__(self, code: str, detail: str = "", *, said: str = "") -> None:
        super().__init__(detail or CODES[code])
        self.code = code
        self.said = printable(said)[:MAX_SAID]

    @property
    def is_passing(self) -> bool:
        """Whether asking again later may help without anybody changing anything."""
        return self.code in PASSING


def read_refusal(status: int | None, body: bytes) -> KeyBrokerError:
    """Return what a broker's refusal means: its error document where there is one, else its status alone."""
    variant, detail = _read_document(body)
    code = _VARIANTS.get(variant, "kbs_path" if status == 404 else "kbs_refused")
    for name, part, instead in _BY_DETAIL:
        if variant == name and part in detail:
            code = instead
    said = f"{variant}: {detail}" if variant else f"status {status}: {body[:MAX_SAID].decode('utf-8', 'replace')}"
    return KeyBrokerError(code, said=said)


def _read_document(body: bytes) -> tuple[str, str]:
    """Return the variant and the detail of an error document, empty where it is none."""
    try:
        members: Any = parse_json(body)
    except MalformedError:
        return "", ""
    if not isinstance(members, dict):
        return "", ""
    kind, detail = members.get("type"), members.get("detail")
    if not isinstance(kind, str) or not isinstance(detail, str):
        return "", ""
    return kind.rpartition("/")[2], detail
