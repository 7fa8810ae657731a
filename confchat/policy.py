"""Whom this installation believes, and what the transparency log says of its policy."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from attestation import publication
from attestation.encoding import b64encode
from attestation.pki import INTEL_ROOT_CA_SHA256
from attestation.policy import Policy, Trust
from attestation.policy_text import policy_digest, policy_members
from attestation.public_keys import PublicKeys
from attestation.reference_values import ReferenceRelease


def build_trust(simulator_root: bytes | None) -> Trust:
    """Build what this installation believes: the roots, its own simulator's too, and the policy's services."""
    return Trust(
        root_sha256=frozenset({INTEL_ROOT_CA_SHA256}),
        simulator_root_sha256=None if simulator_root is None else hashlib.sha256(simulator_root).digest(),
        gpu_keys=publication.gpu_keys(),
        token_issuers=publication.token_issuers(),
    )


def describe_policy(
    policy: Policy, trust: Trust, *, keys: PublicKeys, releases: Iterable[ReferenceRelease]
) -> dict[str, Any]:
    """Return policy, keys and reference releases as a log entry says them, in clear: nothing of a user is in them."""
    simulator_root = trust.simulator_root_sha256
    return {
        "policy": policy_members(policy),
        "policy_digest": policy_digest(policy),
        "roots": {
            "intel": sorted(root.hex() for root in trust.root_sha256),
            "simulator": None if simulator_root is None else simulator_root.hex(),
        },
        "keys": {
            "log": b64encode(keys.log_key),
            "release": None if keys.release_key is None else b64encode(keys.release_key),
            "gpu": [dict(key) for key in trust.gpu_keys],
            "tokens": [issuer.to_members() for issuer in trust.token_issuers],
        },
        "releases": sorted(release.digest.hex() for release in releases),
    }
