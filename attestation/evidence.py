"""Evidence as it travels: a statement, the quote that vouches for it, and what is needed to check both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from attestation.collateral import Collateral
from attestation.encoding import b64decode, b64encode
from attestation.errors import MalformedError

TrustAnchor = Literal["intel", "simulator"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The members of `attest.evidence` without `type` and `record`. Parsed, not verified.

    `statement` are the exact bytes that were sent, `deployment_sig` is Ed25519, `simulator_root` is DER;
    `trust_anchor` and `simulator_root` are claims that a policy must agree to; `gpu` is the text that proves GPUs,
    None where the machine has none to prove.
    """

    statement: bytes
    deployment_sig: bytes
    kem_key: bytes
    quote: bytes
    collateral: Collateral
    ccel: bytes | None
    aael: str | None
    trust_anchor: TrustAnchor
    simulator_root: bytes | None
    gpu: str | None = None

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON members, in the order of docs/PROTOCOL.md §2."""
        return {
            "statement": b64encode(self.statement),
            "deployment_sig": b64encode(self.deployment_sig),
            "kem_key": b64encode(self.kem_key),
            "quote": b64encode(self.quote),
            "collateral": self.collateral.to_wire(),
            "event_log": {"ccel": None if self.ccel is None else b64encode(self.ccel), "aael": self.aael},
            "trust_anchor": self.trust_anchor,
            "simulator_root": None if self.simulator_root is None else b64encode(self.simulator_root),
            **({} if self.gpu is None else {"gpu": self.gpu}),
        }

    @classmethod
    def from_wire(cls, members: object) -> Evidence:
        """Read the JSON members; those of other names are left alone.

        Raises:
            MalformedError: a member is missing or not of its form.
        """
        if not isinstance(members, Mapping):
            raise MalformedError("evidence is not an object")
        event_log = members.get("event_log")
        if not isinstance(event_log, Mapping):
            raise MalformedError("evidence has no event_log")
        return cls(
            statement=b64decode(members.get("statement")),
            deployment_sig=b64decode(members.get("deployment_sig")),
            kem_key=b64decode(members.get("kem_key")),
            quote=b64decode(members.get("quote")),
            collateral=Collateral.from_wire(members.get("collateral")),
            ccel=_bytes_or_null(event_log, "ccel"),
            aael=_text_or_null(event_log, "aael"),
            trust_anchor=_trust_anchor(members.get("trust_anchor")),
            simulator_root=_bytes_or_null(members, "simulator_root"),
            gpu=_text_or_null(members, "gpu") if "gpu" in members else None,
        )


def _trust_anchor(value: object) -> TrustAnchor:
    if value == "intel":
        return "intel"
    if value == "simulator":
        return "simulator"
    raise MalformedError("unknown trust_anchor")


def _member(members: Mapping[str, object], name: str) -> object:
    if name not in members:
        raise MalformedError(f"evidence has no {name}")
    return members[name]


def _bytes_or_null(members: Mapping[str, object], name: str) -> bytes | None:
    value = _member(members, name)
    return None if value is None else b64decode(value)


def _text_or_null(members: Mapping[str, object], name: str) -> str | None:
    value = _member(members, name)
    if value is not None and not isinstance(value, str):
        raise MalformedError(f"{name} is not text")
    return value
