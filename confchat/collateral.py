"""Where this installation gets collateral: the settings' address, this machine's `sgx_default_qcnl.conf`, or Intel."""

from __future__ import annotations

import httpx
from django.conf import settings

from attestation.collateral_cache import CollateralCache
from attestation.pccs import INTEL_PCS_HOST, ProvisioningClient
from attestation.policy import Trust
from attestation.qcnl import Qcnl, read_qcnl
from attestation.simulator.changes import COLLATERAL_MAX_AGE_S as SIMULATOR_MAX_AGE_S
from attestation.simulator.sockets import PCCS_SOCKET

COLLATERAL_MAX_AGE_S = 3600.0


def build_collateral_cache(trust: Trust, *, is_simulated: bool) -> CollateralCache:
    """Build the cache of this process; raises `ConfigurationError` where `sgx_default_qcnl.conf` cannot be read."""
    roots = set(trust.root_sha256)
    if not is_simulated:
        return CollateralCache(
            _choose_source(),
            root_sha256=roots,
            max_age_s=COLLATERAL_MAX_AGE_S,
            directory=settings.CONFCHAT_DATA_DIR / "collateral",
        )
    if trust.simulator_root_sha256 is not None:
        roots.add(trust.simulator_root_sha256)
    socket = str(settings.CONFCHAT_SIMULATOR_DIR / PCCS_SOCKET)
    return CollateralCache(
        ProvisioningClient("http://simulator.invalid", transport=httpx.AsyncHTTPTransport(uds=socket)),
        root_sha256=roots,
        max_age_s=SIMULATOR_MAX_AGE_S,
    )


def named_source() -> Qcnl:
    """Return the source that counts: `CONFCHAT_PCCS_URL`, else what the machine's own file names, else Intel's.

    Raises:
        ConfigurationError: the file is there and cannot be read.
    """
    if settings.CONFCHAT_PCCS_URL:
        return Qcnl(url=settings.CONFCHAT_PCCS_URL, use_secure_cert=not settings.CONFCHAT_UNSAFE_PCCS_TLS)
    named = read_qcnl(settings.CONFCHAT_QCNL_FILE)
    return named or Qcnl(url=f"https://{INTEL_PCS_HOST}", use_secure_cert=True)


def verifies_tls(source: Qcnl) -> bool:
    """Say whether TLS is verified: always, unless it is development or was allowed by its unsafe name."""
    return source.use_secure_cert or not (settings.CONFCHAT_DEVELOPMENT or settings.CONFCHAT_UNSAFE_PCCS_TLS)


def _choose_source() -> ProvisioningClient:
    source = named_source()
    return ProvisioningClient(source.url, verifies_tls=verifies_tls(source))
