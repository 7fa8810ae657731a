"""Today's lists of Intel, for the commands."""

from __future__ import annotations

import asyncio

from attestation.collateral import Collateral
from attestation.collateral_cache import CollateralCache
from attestation.offline import Anchors
from attestation.pccs import ProvisioningClient
from attestation.pki import INTEL_ROOT_CA_SHA256


def fetch_collateral(url: str, quote: bytes, anchors: Anchors) -> Collateral:
    """Return what a PCCS has for the platform of a quote; only lists under a root that is trusted here are taken.

    Raises:
        MalformedError: the quote names no platform.
        UnavailableError: it has none, or cannot be reached.
    """
    simulator_root = anchors.simulator_root_sha256
    roots = {INTEL_ROOT_CA_SHA256} | (set() if simulator_root is None else {simulator_root})
    return asyncio.run(_fetch(url, quote, roots))


async def _fetch(url: str, quote: bytes, roots: set[bytes]) -> Collateral:
    cache = CollateralCache(ProvisioningClient(url), root_sha256=roots, max_age_s=0.0)
    try:
        return await cache.collateral_for(quote)
    finally:
        await cache.aclose()
