"""The error documents of a broker, in the words of each time (upstream Trustee 0.14 and later; Alibaba's 1.0.0)."""

from __future__ import annotations

from attestation.kbs.rcar import ProtocolVersion

ERROR_TYPE = "https://github.com/confidential-containers/kbs/errors/"
_NOT_FOUND = frozenset({"ReadSecretFailed", "InvalidRequestPath", "PluginNotFound"})

_AUTH_FAILED = "Attestation error: RCAR handshake Auth failed: KBS Client Protocol Version Mismatch: "

# What happened -> variant and detail, by protocol.
_WORDS: dict[ProtocolVersion, dict[str, tuple[str, str]]] = {
    "0.1.0": {
        "version": (
            "ProtocolVersion",
            "KBS Client Protocol Version Mismatch: expected version: <=0.1.0, requested version: {}",
        ),
        "request": ("InvalidRequest", "The request is invalid: {}"),
        "no_cookie": ("MissingCookie", "The cookie is missing"),
        "unknown_cookie": ("InvalidCookie", "The cookie is invalid"),
        "expired_cookie": ("ExpiredCookie", "The cookie is expired"),
        "evidence": ("AttestationFailed", "Attestation failed: {}"),
        "no_session": ("InvalidRequest", "The request is invalid: parse Authorization header failed: {}"),
        "token": ("TokenParseFailed", "Received an illegal token: {}"),
        "policy": ("PolicyReject", "Resource not permitted."),
        "secret": ("ReadSecretFailed", "Read secret failed: {}"),
        "key": ("JWEFailed", "Json Web Encryption failed: algorithm is not RSA1_5 but {}"),
        "path": ("InvalidRequest", "The request is invalid: {}"),
        "plugin": ("InvalidRequest", "The request is invalid: {}"),
    },
    "0.4.0": {
        "version": ("AttestationError", _AUTH_FAILED + "expect =0.4.0 while the request is {}"),
        "request": ("SerdeError", "Serialize/Deserialize failed"),
        "no_cookie": ("AttestationError", "Attestation error: RCAR handshake Attest failed"),
        "unknown_cookie": ("AttestationError", "Attestation error: RCAR handshake Attest failed"),
        "expired_cookie": ("AttestationError", "Attestation error: RCAR handshake Attest failed"),
        "evidence": ("AttestationError", "Attestation error: RCAR handshake Attest failed"),
        "no_session": ("TokenNotFound", "Attestation Token not found"),
        "token": ("TokenVerifierError", "Token Verifier error"),
        "policy": ("PolicyDeny", "Access denied by policy"),
        "secret": ("PluginInternalError", "Plugin internal error"),
        "key": ("JweError", "JWE failed"),
        "path": ("InvalidRequestPath", "The request path is invalid"),
        "plugin": ("PluginNotFound", "Plugin {} not found"),
    },
}


class RefusalError(Exception):
    """A request that the broker refuses: `what` happened, and a part of the answer's words."""

    def __init__(self, what: str, detail: str = "") -> None:
        super().__init__(f"{what}: {detail}")
        self.what = what
        self.detail = detail

    def document(self, version: ProtocolVersion) -> tuple[int, dict[str, str]]:
        """Return the status and the document of a time."""
        variant, words = _WORDS[version][self.what]
        return build_refusal(variant, words.format(self.detail))


def build_refusal(variant: str, detail: str) -> tuple[int, dict[str, str]]:
    """Return the status and the document of any variant."""
    return 404 if variant in _NOT_FOUND else 401, {"type": ERROR_TYPE + variant, "detail": detail}
