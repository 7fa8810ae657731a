"""Is the GPU that serves the model confidential, too? `gpu.evidence`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attestation.errors import AppraisalError, MalformedError
from attestation.examination import Examination, given
from attestation.gpu import GpuClaims, StatedGpu, gpu_digest, gpu_nonce, is_signed_by, parse_gpu_claims
from attestation.statement import Statement

NRAS_ISSUER = "https://nras.attestation.nvidia.com"
# What NVIDIA's own appraisal policies ask of every device; the second is what claims of version 3 call it.
_MEASURED = ("success", "comparison-successful")
_WHERE = "This does not prove that they are attached to this machine."


def check_gpu(subject: Examination) -> str | None:
    """`gpu.evidence`: what the machine says of its GPUs is proven as far as the policy asks.

    Left out where no GPU is spoken of and the policy asks for none.
    """
    statement = given("what the machine says", lambda: subject.statement)
    stated, asked, text = statement.gpu, subject.policy.gpu, subject.evidence.gpu
    if (None if text is None else gpu_digest(text)) != (None if stated is None else stated.sha256):
        raise AppraisalError("gpu_differs", "what came of the GPU is not what the machine vouches for")
    if stated is None:
        if asked in ("require", "require-confidential"):
            raise AppraisalError("gpu_missing", "the machine speaks of no GPU")
        return None
    if stated.state != "confidential" or text is None:
        return _say_unproven(stated, asked)
    try:
        claims = parse_gpu_claims(text)
    except MalformedError as error:
        raise AppraisalError("gpu_malformed", f"what came of the GPU cannot be read ({error})") from error
    by = _who_says(claims, subject, asked)
    _check_claims(claims, statement, subject)
    return f"Confidential GPUs ({len(claims.devices)}) answered this request, says {by}. {_WHERE}"


def _say_unproven(stated: StatedGpu, asked: str) -> str:
    if asked in ("confidential-if-present", "require-confidential"):
        if stated.state == "plain":
            raise AppraisalError("gpu_plain", "the model runs on a GPU that is not confidential")
        raise AppraisalError("gpu_unproven", "nothing could be proven of the GPU that serves the model")
    if stated.state == "plain":
        return "The model runs on a GPU that is not confidential, which the policy accepts."
    return "Nothing could be proven of the GPU that serves the model, which the policy accepts."


def _who_says(claims: GpuClaims, subject: Examination, asked: str) -> str:
    """Return who vouches: NVIDIA where a pinned key signed, else the machine that was measured."""
    keys = subject.trust.gpu_keys
    if claims.verifier == "nras" and keys:
        if not all(is_signed_by(token, keys) for token in claims.tokens):
            raise AppraisalError("gpu_signature", "NVIDIA's service did not sign it with a pinned key")
        if any(token.claims.get("iss") != NRAS_ISSUER for token in claims.tokens):
            raise AppraisalError("gpu_claims", "it is from another issuer than NVIDIA's service")
        return "NVIDIA's attestation service"
    if asked == "require-confidential":
        raise AppraisalError("gpu_unsigned", "nobody whose key is pinned here vouches for the GPU")
    return "the machine itself"


def _check_claims(claims: GpuClaims, statement: Statement, subject: Examination) -> None:
    nonce = gpu_nonce(statement.nonce)
    if any(token.claims.get("eat_nonce") != nonce for token in claims.tokens):
        raise AppraisalError("gpu_nonce", "the GPU answered another request")
    if not all(_is_timely(token.claims, subject) for token in claims.tokens):
        raise AppraisalError("gpu_time", "the GPU's answer has expired, or is not valid yet")
    if claims.overall.claims.get("x-nvidia-overall-att-result") is not True:
        raise AppraisalError("gpu_claims", "NVIDIA's verifier does not affirm the GPU")
    if not all(_is_sound(token.claims) for token in claims.devices.values()):
        raise AppraisalError("gpu_claims", "a GPU was not started as NVIDIA released it, or can be debugged")


def _is_timely(claims: Mapping[str, Any], subject: Examination) -> bool:
    issued_at, expires_at = claims.get("iat"), claims.get("exp")
    if type(issued_at) is not int or type(expires_at) is not int:
        return False
    now, skew = subject.expectation.now.timestamp(), subject.policy.clock_skew_s
    last = min(expires_at, issued_at + subject.policy.max_lifetime_s)
    return issued_at - skew <= now <= last + skew


def _is_sound(claims: Mapping[str, Any]) -> bool:
    return claims.get("measres") in _MEASURED and claims.get("secboot") is True and claims.get("dbgstat") == "disabled"
