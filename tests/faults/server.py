"""The product's own web server, less patient than its users need, with its attestation service at another address.

usage: python -m tests.faults.server DESCRIPTOR VERIFIER_URL PING_S
"""

from __future__ import annotations

import socket
import sys

import httpx
from django.conf import settings

from attestation.attester import simulated_attester
from attestation.collateral_cache import CollateralCache
from attestation.pccs import ProvisioningClient
from attestation.services import remote_verifier
from attestation.simulator.sockets import PCCS_SOCKET
from confchat import web_server
from confchat.asgi import route  # sets Django up
from confchat.consumers import SessionConsumer
from confchat.deployment import Deployment, deployment
from confchat.llm.ollama import OllamaModel, TimeLimits

PATIENCE_S = 1.0
FIRST_REQUEST_S = 2.0


def make_impatient(parts: Deployment, *, verifier_url: str) -> None:
    """Replace a deployment's parts by others of their kind that wait for a second, and remember nothing for later."""
    simulator = settings.CONFCHAT_SIMULATOR_DIR
    parts.attester = parts.workload.attester = simulated_attester(simulator, timeout_s=PATIENCE_S)
    parts.collateral = CollateralCache(
        ProvisioningClient(
            "http://simulator.invalid",
            timeout_s=PATIENCE_S,
            transport=httpx.AsyncHTTPTransport(uds=str(simulator / PCCS_SOCKET)),
        ),
        root_sha256=[parts.trust.simulator_root_sha256 or b""],
        max_age_s=0,
    )
    parts.verifier = remote_verifier(verifier_url, issuer=parts.verifier.issuers[0], timeout_s=PATIENCE_S)
    parts.model = OllamaModel(
        settings.CONFCHAT_OLLAMA_HOST,
        limits=TimeLimits(
            connect_s=PATIENCE_S, description_s=PATIENCE_S, first_token_s=2 * PATIENCE_S, between_tokens_s=PATIENCE_S
        ),
    )
    parts.description_max_age_s = 0


if __name__ == "__main__":
    if settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
        settings.DATABASES["default"]["OPTIONS"]["timeout"] = PATIENCE_S
    make_impatient(deployment(), verifier_url=sys.argv[2])
    sessions = SessionConsumer.as_asgi(first_request_s=FIRST_REQUEST_S)
    web_server.serve(socket.socket(fileno=int(sys.argv[1])), route(sessions), ping_s=float(sys.argv[3]))
