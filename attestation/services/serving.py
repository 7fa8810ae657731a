"""`serve`: the embedded attestation service as a process of its own, with its own key, policies, releases and lists.

It answers in Trustee's dialect since v0.14, over TLS wherever it is reached from another machine.
"""

from __future__ import annotations

import argparse
import hashlib
import ipaddress
from pathlib import Path

import httpx
import uvicorn

from attestation.collateral_cache import CollateralCache
from attestation.encoding import b64decode
from attestation.errors import ConfigurationError
from attestation.named_policies import NAMES, load_policy
from attestation.pccs import INTEL_PCS_HOST, ProvisioningClient
from attestation.pki import INTEL_ROOT_CA_SHA256
from attestation.policy import Trust
from attestation.reference_values import load_releases
from attestation.services import AttestationService, create_application, utc_now
from attestation.services.token_key import create_token_key, load_token_key
from attestation.simulator.sockets import PCCS_SOCKET

MAX_AGE_S = 3600.0
INTEL_PCS = f"https://{INTEL_PCS_HOST}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Say what may be given."""
    parser.add_argument("--listen", default="127.0.0.1:8555", metavar="HOST:PORT", help="where (%(default)s)")
    parser.add_argument("--key", type=Path, required=True, help="the key that signs tokens; made where there is none")
    parser.add_argument("--releases", type=Path, required=True, metavar="DIR", help="the signed reference releases")
    parser.add_argument("--release-key", required=True, metavar="B64", help="the Ed25519 key that signs them")
    parser.add_argument(
        "--policy",
        action="append",
        metavar="FILE|NAME",
        help=f"a policy that may be asked for by its id; the first one is the default ({', '.join(NAMES)}; strict)",
    )
    parser.add_argument("--pccs", default=INTEL_PCS, metavar="URL", help="where lists come from (%(default)s)")
    parser.add_argument("--collateral", type=Path, metavar="DIR", help="where lists are kept for the next start")
    parser.add_argument("--tls-certificate", type=Path, metavar="PEM", help="the certificate chain it shows")
    parser.add_argument("--tls-key", type=Path, metavar="PEM", help="its private key")
    parser.add_argument(
        "--simulator", type=Path, metavar="DIR", help="the simulator whose machines it judges: for development only"
    )


def run(options: argparse.Namespace) -> bool:
    """Serve until a signal ends it. Raises ConfigurationError."""
    host, port = _address(options)
    service = build_service(options)
    jwk = service.issuer.keys[0]
    print(f"Attestation service on {host}:{port}, policies: {', '.join(service.policy_ids)}", flush=True)
    print(f"It signs as {service.issuer.issuer} for {service.issuer.audience} with the key {jwk['kid']}", flush=True)
    config = uvicorn.Config(
        create_application(service),
        host=host,
        port=port,
        ssl_certfile=options.tls_certificate,
        ssl_keyfile=options.tls_key,
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
    )
    try:
        uvicorn.Server(config).run()
    except OSError as error:
        raise ConfigurationError(f"cannot serve: {error.strerror or error}") from error
    return True


def build_service(options: argparse.Namespace) -> AttestationService:
    """Return the service that the arguments describe, its key made where there is none."""
    if not options.key.exists():
        options.key.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        create_token_key(options.key)
    policies = [load_policy(name) for name in options.policy or ["strict" if options.simulator is None else NAMES[-1]]]
    root = None if options.simulator is None else _read_root(options.simulator)
    trust = Trust(
        root_sha256=frozenset({INTEL_ROOT_CA_SHA256}),
        simulator_root_sha256=None if root is None else hashlib.sha256(root).digest(),
        token_issuers=(),
        gpu_keys=(),
    )
    return AttestationService(
        key=load_token_key(options.key),
        policy=policies[0],
        others=policies[1:],
        trust=trust,
        releases=load_releases(options.releases, release_key=b64decode(options.release_key, size=32)),
        collateral=_collateral(options, trust),
        simulator_root=root,
        clock=utc_now,
    )


def _collateral(options: argparse.Namespace, trust: Trust) -> CollateralCache:
    if options.simulator is None or trust.simulator_root_sha256 is None:
        return CollateralCache(
            ProvisioningClient(options.pccs),
            root_sha256=trust.root_sha256,
            max_age_s=MAX_AGE_S,
            directory=options.collateral,
        )
    socket = str(options.simulator / PCCS_SOCKET)
    return CollateralCache(
        ProvisioningClient("http://simulator.invalid", transport=httpx.AsyncHTTPTransport(uds=socket)),
        root_sha256={*trust.root_sha256, trust.simulator_root_sha256},
        max_age_s=MAX_AGE_S,
    )


def _read_root(directory: Path) -> bytes:
    try:
        return (directory / "root.der").read_bytes()
    except OSError as error:
        raise ConfigurationError(f"there is no simulator in {directory}: {error.strerror}") from error


def _address(options: argparse.Namespace) -> tuple[str, int]:
    """Return host and port; without TLS only this machine may be one's peer."""
    host, _, port = options.listen.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigurationError(f"{options.listen} is not of the form HOST:PORT")
    if (options.tls_certificate is None) != (options.tls_key is None):
        raise ConfigurationError("--tls-certificate and --tls-key belong together")
    host = host.strip("[]")
    if options.tls_certificate is None and not _is_loopback(host):
        raise ConfigurationError("without --tls-certificate and --tls-key it serves this machine alone (127.0.0.1)")
    return host, int(port)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
