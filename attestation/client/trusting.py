"""What a program trusts and accepts, known from elsewhere than from the server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attestation.issuer import TokenIssuer
from attestation.offline import Anchors
from attestation.policy import Policy


def trusting(
    *,
    policy: Policy,
    release_keys: Sequence[bytes],
    log_key: bytes | None = None,
    token_issuers: Sequence[TokenIssuer] = (),
    gpu_keys: Sequence[Mapping[str, str]] = (),
    simulator_root_sha256: bytes | None = None,
) -> Anchors:
    """Return anchors of which a session fills in what belongs to one question.

    Without `log_key` (32 bytes) the operator is known by a state file alone, or not at all, and then nothing opens.
    """
    return Anchors(
        nonce=None,
        conversation=None,
        origin=None,
        suites=None,
        log_key=log_key,
        release_keys=tuple(release_keys),
        token_issuers=tuple(token_issuers),
        simulator_root_sha256=simulator_root_sha256,
        gpu_keys=tuple(gpu_keys),
        policy=policy,
    )
