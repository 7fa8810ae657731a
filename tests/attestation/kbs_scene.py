"""A broker, a machine and a client in one process: the product's own parts, with ASGI for the network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import httpx

from attestation.kbs import Broker, KeyBrokerClient, ProtocolVersion, TdxEvidence
from attestation.kbs.devbroker import DevBroker, affirming, create_application
from attestation.kbs.devbroker.application import Change
from attestation.services.caller import Retries
from attestation.simulator.td_report import Td
from tests.attestation.scene import Scene, build_scene

SECRET = b"alibaba@1688"
URI = "kbs:///default/aliyun/model-key"
BASE = "https://broker.test"
AT_ONCE = Retries(most=1, first_s=0, longest_s=0)
BOTH: tuple[ProtocolVersion, ...] = ("0.4.0", "0.1.0")


@dataclass
class BrokerScene:
    """One broker and one machine; `change` is the broker's lie, `td` what the machine is."""

    scene: Scene = field(default_factory=build_scene)
    protocols: Sequence[ProtocolVersion] = BOTH
    change: Change | None = None
    prefix: str = ""
    td: Td = field(default_factory=lambda: Td(report_data=bytes(64)))
    shown: list[bytes] = field(default_factory=list)
    broker_changes: dict[str, Any] = field(default_factory=dict)
    service_changes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts: dict[str, Any] = {
            "secrets": {"model-key": SECRET},
            "policy": affirming,
            "protocols": self.protocols,
        }
        service = self.scene.service(**self.service_changes)
        self.broker = DevBroker(service, **(parts | self.broker_changes))

    async def evidence(self, report_data: bytes) -> TdxEvidence:
        """Return what this machine shows over report data."""
        self.shown.append(report_data)
        quote = self.scene.platform.quote(replace(self.td, report_data=report_data))
        return TdxEvidence(quote=quote, ccel=None, aael=None)

    def transport(self) -> httpx.AsyncBaseTransport:
        application = create_application(self.broker, change=self.change, prefix=self.prefix)
        return httpx.ASGITransport(application)

    def client(self, **changes: Any) -> KeyBrokerClient:
        """Return a client of this broker."""
        parts: dict[str, Any] = {
            "url": BASE + self.prefix,
            "protocol": "auto",
            "key": "EC",
            "authorities": None,
            "tls_pins": (),
            "timeout_s": 5.0,
            "allows_plain_http": False,
        }
        broker = Broker(**(parts | changes))
        return KeyBrokerClient(broker, evidence=self.evidence, transport=self.transport, retries=AT_ONCE)
