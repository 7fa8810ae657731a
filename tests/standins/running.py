"""Stand-ins as servers of their own on loopback, and what an operator writes to have them asked."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import uvicorn

from attestation.named_policies import load_policy
from attestation.policy_text import policy_members
from tests.standins.alibaba import Alibaba
from tests.standins.asking import describe
from tests.standins.service import StandIn, rsa_key
from tests.standins.trust_authority import API_KEY, TrustAuthority
from tests.standins.trustee import SimpleTrustee, Trustee


def one_of_each() -> dict[str, StandIn]:
    """Return a stand-in of every kind, by the name that a policy has for it."""
    return {
        "alibaba": Alibaba(),
        "intel": TrustAuthority(),
        "partner": Trustee(),
        "partner-old": SimpleTrustee(key=rsa_key(5)),
    }


@contextmanager
def running(services: Mapping[str, StandIn]) -> Iterator[dict[str, str]]:
    """Serve stand-ins; yields each one's address."""
    listeners = {name: socket.create_server(("127.0.0.1", 0)) for name in services}
    servers = [
        uvicorn.Server(uvicorn.Config(service, lifespan="off", log_level="critical")) for service in services.values()
    ]
    threads = [
        threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        for server, listener in zip(servers, listeners.values(), strict=True)
    ]
    for thread in threads:
        thread.start()
    try:
        yield {name: f"http://127.0.0.1:{listener.getsockname()[1]}" for name, listener in listeners.items()}
    finally:
        for server in servers:
            server.should_exit = True
        for thread in threads:
            thread.join()
        for listener in listeners.values():
            listener.close()


def write_settings(
    directory: Path, services: Mapping[str, StandIn], addresses: Mapping[str, str], *, quorum: str = "all"
) -> dict[str, str]:
    """Write a policy that names these services beside our own, and their files; return the settings."""
    verifiers = directory / "verifiers"
    verifiers.mkdir(parents=True)
    key = directory / "intel-api-key"
    key.write_text(API_KEY)
    for name, service in services.items():
        changes: dict[str, Any] = {"keys_url": addresses[name], "api_key_file": key} if name == "intel" else {}
        token = replace(service.pinned(), name=name)
        described = describe(service, token=token, url=addresses[name], **changes)
        (verifiers / f"{name}.json").write_text(json.dumps(described.to_members()))
    policy = policy_members(load_policy("development"))
    policy |= {"id": "several", "verifiers": ["embedded", *services], "quorum": quorum}
    (directory / "policy.json").write_text(json.dumps(policy))
    return {"CONFCHAT_POLICY": str(directory / "policy.json"), "CONFCHAT_VERIFIERS_DIR": str(verifiers)}
