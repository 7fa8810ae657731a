"""What is accepted, whom we believe, and what is expected of one piece of evidence. All are values without defaults."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, get_args

from attestation.errors import ConfigurationError, MalformedError
from attestation.issuer import TokenIssuer
from attestation.reference_values import PLATFORMS, Measurements, parse_version
from attestation.statement import LIFETIME_S
from attestation.td_attributes import ACCEPTABLE, SEPT_VE_DISABLE

Enforcement = Literal["require", "warn"]
Workload = Literal["require", "accept-unmeasured"]
Gpu = Literal["ignore", "confidential-if-present", "require", "require-confidential"]
Quorum = Literal["any", "all"]

# As `Expectation.conversation`: the question named no conversation, and the statement must name none either.
NO_CONVERSATION = ""

ID_FORM = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}\Z", re.ASCII)
MOST_GRACE_DAYS = 1000
MOST_SKEW_S = 120
MASK_SIZE, REGISTER_SIZE, PLATFORM_ID_SIZE = 8, 48, 16
MEASUREMENTS = tuple(field.name for field in fields(Measurements))
# Without these, "a known release" would mean nothing: firmware, kernel, root file system and what was extended later.
LEAST_MEASUREMENTS = frozenset({"mr_td", "rtmr1", "rtmr2", "rtmr3"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a relying party accepts of machines: exactly the members of a policy's file (docs/PROTOCOL.md section 11).

    Attributes:
        id: what records call this policy.
        description: one sentence of its author's, for people.
        enforcement: `require` lets only affirmed sessions open, `warn` lets users take the risk.
        accepted_tcb_statuses: Intel's names of statuses; `Revoked` is refused even when listed.
        out_of_date_grace_days: so long after a repair's date a platform without it is accepted nevertheless.
        accepted_advisories: the only advisories that a platform may be open to; None means any that is not refused.
        refused_advisories: advisories, such as `INTEL-SA-01111`, that no platform may be open to, without any grace.
        advisory_grace_days: so long after the date of a level without it an advisory is accepted nevertheless.
        min_tcb_evaluation_data_number: floor for TCB info and QE identity, against old but signed lists.
        allowed_td_attributes: TD_ATTRIBUTES (8 bytes, as in a quote) that may be set, beyond those always refused.
        allowed_xfam: processor features (8 bytes, as in a quote) that the TD may use.
        mr_seams: the only TDX modules (MRSEAM, 48 bytes); None leaves them to Intel's lists and the releases.
        mr_signer_seams: who may have signed the TDX module (48 bytes); zero is Intel.
        service_tds: MRSERVICETD values (48 bytes) that may stand in a quote beside zero.
        platform_ids: the only platforms (PPID, 16 bytes); None leaves `platform.id` out.
        min_release_version: oldest reference release that counts, `major.minor.patch`.
        release_platforms: kinds of platforms whose releases count, `tdx` and `simulator`.
        release_measurements: which measurements must be those of the release.
        workload: whether what was started after the kernel must be measured, too.
        gpu: what is asked of a GPU that serves the model.
        verifiers: names of the attestation services that are asked, empty for none.
        quorum: whether one of them must affirm, or all.
        max_lifetime_s: longest life of a statement, and longest wait for it.
        clock_skew_s: how far the clocks of attester and verifier may differ.
    """

    id: str
    description: str
    enforcement: Enforcement
    accepted_tcb_statuses: frozenset[str]
    out_of_date_grace_days: int
    accepted_advisories: frozenset[str] | None
    refused_advisories: frozenset[str]
    advisory_grace_days: int
    min_tcb_evaluation_data_number: int
    allowed_td_attributes: bytes
    allowed_xfam: bytes
    mr_seams: frozenset[bytes] | None
    mr_signer_seams: frozenset[bytes]
    service_tds: frozenset[bytes]
    platform_ids: frozenset[bytes] | None
    min_release_version: str
    release_platforms: frozenset[str]
    release_measurements: frozenset[str]
    workload: Workload
    gpu: Gpu
    verifiers: frozenset[str]
    quorum: Quorum
    max_lifetime_s: int
    clock_skew_s: int

    def __post_init__(self) -> None:
        """Refuse what no appraisal could compare with, or what no policy may allow. Raises `ConfigurationError`."""
        try:
            parse_version(self.min_release_version)
        except MalformedError as error:
            raise ConfigurationError("the oldest release that counts is not of the form major.minor.patch") from error
        for is_kept, sentence in self._rules():
            if not is_kept:
                raise ConfigurationError(sentence)

    def _rules(self) -> tuple[tuple[bool, str], ...]:
        attributes = int.from_bytes(self.allowed_td_attributes, "little")
        registers = {*(self.mr_seams or ()), *self.mr_signer_seams, *self.service_tds}
        days = self.out_of_date_grace_days, self.advisory_grace_days
        choices = ((self.enforcement, Enforcement), (self.workload, Workload), (self.gpu, Gpu), (self.quorum, Quorum))
        return (
            (ID_FORM.match(self.id) is not None, "a policy's id is small letters, digits, dots and hyphens"),
            (all(value in get_args(kind) for value, kind in choices), "a policy chooses something that is unknown"),
            (all(0 <= each <= MOST_GRACE_DAYS for each in days), f"a grace is 0 to {MOST_GRACE_DAYS} days"),
            (
                self.accepted_advisories is not None or not self.advisory_grace_days,
                "a grace for advisories means nothing where every advisory is accepted",
            ),
            (self.min_tcb_evaluation_data_number >= 0, "an evaluation number is not negative"),
            ({len(self.allowed_td_attributes), len(self.allowed_xfam)} == {MASK_SIZE}, "a mask is 8 bytes"),
            (bool(attributes >> SEPT_VE_DISABLE & 1), "no machine without SEPT_VE_DISABLE is accepted"),
            (not attributes & ~ACCEPTABLE, "a policy allows attributes that open a machine, or that are unknown"),
            ({len(value) for value in registers} <= {REGISTER_SIZE}, "a register is 48 bytes"),
            (self.mr_seams is None or bool(self.mr_seams), "no TDX module at all is accepted"),
            (bool(self.mr_signer_seams), "no signer of the TDX module is accepted"),
            (self.platform_ids is None or bool(self.platform_ids), "no platform at all is accepted"),
            ({len(each) for each in self.platform_ids or ()} <= {PLATFORM_ID_SIZE}, "a platform's id is 16 bytes"),
            (set() < self.release_platforms <= set(PLATFORMS), "releases are for `tdx` or for `simulator`"),
            (self.release_measurements <= set(MEASUREMENTS), "a measurement is unknown"),
            (self.release_measurements >= LEAST_MEASUREMENTS, "MRTD and RTMR1 to RTMR3 are always compared"),
            (0 < self.max_lifetime_s <= LIFETIME_S, f"evidence is fresh for at most {LIFETIME_S} seconds"),
            (0 <= self.clock_skew_s <= MOST_SKEW_S, f"clocks may differ by at most {MOST_SKEW_S} seconds"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whom a relying party believes, known from elsewhere than from evidence.

    Attributes:
        root_sha256: SHA-256 of the root certificates (DER) that may stand for hardware.
        simulator_root_sha256: SHA-256 of the one simulator's root that may be affirmed on loopback.
        gpu_keys: keys (JWK, P-384) of NVIDIA's attestation service; without one a GPU is the machine's own word.
        token_issuers: attestation services whose tokens count, under the names that policies know; none leaves
            `verdict.token` out.
    """

    root_sha256: frozenset[bytes]
    simulator_root_sha256: bytes | None
    gpu_keys: tuple[Mapping[str, Any], ...]
    token_issuers: tuple[TokenIssuer, ...]


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
