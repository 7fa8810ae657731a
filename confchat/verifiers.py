"""The attestation services that this installation asks: those that its policy names, each as its file describes it."""

from __future__ import annotations

from collections.abc import Sequence

from attestation import publication
from attestation.appraisal import Policy, Trust
from attestation.attester import TdxAttester
from attestation.reference_values import ReferenceRelease
from attestation.services import (
    CollateralSource,
    Panel,
    Verifier,
    build_verifier,
    embedded_verifier,
    utc_now,
)
from attestation.services.service import NAME as EMBEDDED
from attestation.services.token_key import load_token_key


def build_panel(
    policy: Policy,
    trust: Trust,
    *,
    releases: Sequence[ReferenceRelease],
    collateral: CollateralSource,
    simulator_root: bytes | None,
    attester: TdxAttester,
) -> Verifier:
    """Return what asks every attestation service of the policy at once.

    Raises:
        ConfigurationError: one that the policy names is not described, or its description cannot be used.
    """
    own = embedded_verifier(
        key=load_token_key(publication.keys_directory() / publication.TOKEN_KEY_FILE),
        policy=policy,
        trust=trust,
        releases=releases,
        collateral=collateral,
        simulator_root=simulator_root,
    )

    def build(name: str) -> Verifier:
        if name == EMBEDDED:
            return own
        return build_verifier(publication.verifier_description(name), clock=utc_now, quote=attester.quote)

    # A policy without services is still answered: by ours, whose word then counts for nothing.
    return Panel([build(name) for name in publication.verifier_names()] or [own])
