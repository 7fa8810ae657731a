"""The policy that the settings describe, and what the transparency log says of it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from django.conf import settings

from attestation import publication
from attestation.encoding import b64encode
from attestation.pki import INTEL_ROOT_CA_SHA256
from attestation.policy import Policy
from attestation.public_keys import PublicKeys
from attestation.reference_values import ReferenceRelease
from attestation.statement import LIFETIME_S

CLOCK_SKEW_S = 120


def build_policy(simulator_root: bytes | None) -> Policy:
    """Build the policy that the settings describe."""
    return Policy(
        name="development" if simulator_root is not None else "default",
        enforcement=settings.CONFCHAT_POLICY,
        root_sha256=frozenset({INTEL_ROOT_CA_SHA256}),
        simulator_root_sha256=None if simulator_root is None else hashlib.sha256(simulator_root).digest(),
        accepted_tcb_statuses=frozenset(settings.CONFCHAT_TCB_STATUSES),
        refused_advisories=frozenset(settings.CONFCHAT_REFUSED_ADVISORIES),
        min_tcb_evaluation_data_number=settings.CONFCHAT_MIN_TCB_EVALUATION,
        service_tds=frozenset(bytes.fromhex(value) for value in settings.CONFCHAT_SERVICE_TDS),
        min_release_version=settings.CONFCHAT_MIN_RELEASE,
        token_issuer=publication.token_issuer(),
        max_lifetime_s=LIFETIME_S,
        clock_skew_s=CLOCK_SKEW_S,
    )


def describe_policy(policy: Policy, *, keys: PublicKeys, releases: Iterable[ReferenceRelease]) -> dict[str, Any]:
    """Return policy, keys and reference releases as a log entry says them, in clear: nothing of a user is in them."""
    issuer = policy.token_issuer
    simulator_root = policy.simulator_root_sha256
    return {
        "policy": {
            "name": policy.name,
            "enforcement": policy.enforcement,
            "root_sha256": sorted(root.hex() for root in policy.root_sha256),
            "simulator_root_sha256": None if simulator_root is None else simulator_root.hex(),
            "accepted_tcb_statuses": sorted(policy.accepted_tcb_statuses),
            "refused_advisories": sorted(policy.refused_advisories),
            "min_tcb_evaluation_data_number": policy.min_tcb_evaluation_data_number,
            "service_tds": sorted(value.hex() for value in policy.service_tds),
            "min_release_version": policy.min_release_version,
        },
        "keys": {
            "log": b64encode(keys.log_key),
            "release": None if keys.release_key is None else b64encode(keys.release_key),
            "token": None if issuer is None else dict(issuer.key),
        },
        "releases": sorted(release.digest.hex() for release in releases),
    }
