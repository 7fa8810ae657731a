"""Trustee's key broker: its client (RCAR 0.1.0 and 0.4.0), evidence in, secret out. Knows no Django."""

from __future__ import annotations

from attestation.kbs.broker import Broker, KeyKind, Protocol, parse_broker, parse_broker_url
from attestation.kbs.client import EvidenceSource, KeyBrokerClient, Release
from attestation.kbs.errors import CODES, KeyBrokerError
from attestation.kbs.rcar import ProtocolVersion, TdxEvidence
from attestation.kbs.secret import Secret
from attestation.kbs.uri import ResourceUri, parse_resource_uri

__all__ = [
    "CODES",
    "Broker",
    "EvidenceSource",
    "KeyBrokerClient",
    "KeyBrokerError",
    "KeyKind",
    "Protocol",
    "ProtocolVersion",
    "Release",
    "ResourceUri",
    "Secret",
    "TdxEvidence",
    "parse_broker",
    "parse_broker_url",
    "parse_resource_uri",
]
