"""What is accepted, and what is expected of one piece of evidence. Both are values; neither has a default."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from attestation.errors import ConfigurationError, MalformedError
from attestation.reference_values import parse_version
from attestation.token import TokenIssuer

# As `Expectation.conversation`: the question named no conversation, and the statement must name none either.
NO_CONVERSATION = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a relying party accepts; made from configuration, never from evidence.

    Attributes:
        name: what records call this policy.
        enforcement: `require` lets only affirmed sessions open, `warn` lets users take the risk.
        root_sha256: SHA-256 of the root certificates (DER) that may stand for hardware.
        simulator_root_sha256: SHA-256 of the one simulator's root that may be affirmed on loopback.
        accepted_tcb_statuses: Intel's names of statuses; `Revoked` is refused even when listed.
        refused_advisories: advisories, such as `INTEL-SA-01111`, that no platform may be open to.
        min_tcb_evaluation_data_number: floor for TCB info and QE identity, against old but signed lists.
        service_tds: MRSERVICETD values (48 bytes) that may stand in a quote beside zero.
        min_release_version: oldest reference release that counts, `major.minor.patch`.
        token_issuer: the attestation service whose token must agree; None leaves `verdict.token` out.
        max_lifetime_s: longest life of a statement, and longest wait for it.
        clock_skew_s: how far the clocks of attester and verifier may differ.
    """

    name: str
    enforcement: Literal["require", "warn"]
    root_sha256: frozenset[bytes]
    simulator_root_sha256: bytes | None
    accepted_tcb_statuses: frozenset[str]
    refused_advisories: frozenset[str]
    min_tcb_evaluation_data_number: int
    service_tds: frozenset[bytes]
    min_release_version: str
    token_issuer: TokenIssuer | None
    max_lifetime_s: int
    clock_skew_s: int

    def __post_init__(self) -> None:
        """Refuse what no appraisal could compare with. Raises `ConfigurationError`."""
        try:
            parse_version(self.min_release_version)
        except MalformedError as error:
            raise ConfigurationError("the oldest release that counts is not of the form major.minor.patch") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class LogView:
    """The last view of a transparency log that a client verified; `root` is 32 bytes."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the asker knows of its own request. None means not known, and makes that check `unknown`.

    Attributes:
        nonce: the 32 bytes that were sent.
        conversation: the conversation that was named; `NO_CONVERSATION` where the question said null.
        origin: the client's own origin.
        suites: the KEM suites that were offered, in order.
        deployment_key: the deployment's log key (Ed25519, 32 bytes) that the client pinned.
        now: the time of the appraisal, aware.
        elapsed_s: seconds since the request on a monotonic clock.
        loopback: whether the host is exactly localhost, 127.0.0.0/8 or [::1]; only there may simulated
            evidence be affirmed.
        log_view: the client's earlier view of the log; None means that it never saw one, which is no fault.
    """

    nonce: bytes | None
    conversation: str | None
    origin: str | None
    suites: tuple[str, ...] | None
    deployment_key: bytes | None
    now: datetime
    elapsed_s: float | None
    loopback: bool
    log_view: LogView | None
