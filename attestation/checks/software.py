"""Is what runs in there closed to the outside, and a release that is known? `td.*`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime, timedelta

from attestation.errors import AppraisalError
from attestation.examination import Examination, given
from attestation.policy import Policy
from attestation.quote import TdReport
from attestation.reference_values import Measurements, ReferenceRelease, RefusedRelease, parse_version

# TD_ATTRIBUTES (Intel TDX Module ABI, "TD_ATTRIBUTES"): bits that must be off, and what each would mean.
_FORBIDDEN_BITS = (
    ((0,), "td_debug", "it runs in debug mode, where the host can read and change it"),
    ((4, 5, 6), "td_profiling", "the host may profile what it does"),
    ((29,), "td_migratable", "it may be moved to another machine"),
    ((17,), "td_service_td_extension", "another machine may serve it with more rights than are shown"),
)
_SEPT_VE_DISABLE = 28
# ICSSD, LASS, protection keys, key locker, performance counters: of no harm to the TD.
_HARMLESS_BITS = (16, 27, 30, 31, 63)
_FORBIDDEN_OR_KNOWN = {*_HARMLESS_BITS, _SEPT_VE_DISABLE, *(bit for bits, *_ in _FORBIDDEN_BITS for bit in bits)}

_NAMES = {
    "mr_td": "MRTD",
    "mr_seam": "MRSEAM",
    "xfam": "XFAM",
    "mr_config_id": "MRCONFIGID",
    "mr_owner": "MROWNER",
    "mr_owner_config": "MROWNERCONFIG",
}


def check_attributes(subject: Examination) -> str:
    """`td.attributes`: nothing that lets the host look in, and no service TD that the policy does not name."""
    report = given("the report", lambda: subject.quote).report
    attributes = int.from_bytes(report.td_attributes, "little")
    for bits, code, meaning in _FORBIDDEN_BITS:
        if any(attributes >> bit & 1 for bit in bits):
            raise AppraisalError(code, meaning)
    if any(attributes >> bit & 1 for bit in range(64) if bit not in _FORBIDDEN_OR_KNOWN):
        raise AppraisalError("td_reserved", "an attribute is set whose meaning is unknown")
    if not attributes >> _SEPT_VE_DISABLE & 1:
        raise AppraisalError("td_sept_ve", "the host may take pages away unnoticed (SEPT_VE_DISABLE is off)")
    if any(report.mr_signer_seam):
        raise AppraisalError("seam_signer", "the TDX module is not signed by Intel")
    if any(report.seam_attributes):
        raise AppraisalError("seam_attributes", "the TDX module is not one for production")
    service_td = report.mr_service_td
    if service_td is not None and any(service_td) and service_td not in subject.policy.service_tds:
        raise AppraisalError(
            "service_td", f"a service machine that is not allowed is bound to it ({_short(service_td)})"
        )
    return "The machine is closed: no debugging, no profiling, no migration."


def check_measurements(subject: Examination) -> str:
    """`td.measurements`: what was started is the release that the statement names, and so is the model."""
    report, statement = (
        given("the report", lambda: subject.quote).report,
        given("what the machine says", lambda: subject.statement),
    )
    release = _named_release(subject.releases, statement.release_digest)
    if release.version != statement.release_version:
        raise AppraisalError("release_unknown", "the release is named with another version")
    _check_release(release, policy=subject.policy, is_simulated=subject.is_simulated, now=subject.expectation.now)
    _check_measured(report, release.measurements)
    if (statement.model_name, statement.model_digest) not in release.models:
        raise AppraisalError(
            "model_differs", f"the model {statement.model_name} is not one of release {release.version}"
        )
    return f"What was started is release {release.version}, with the model {statement.model_name}."


def find_release(
    report: TdReport, *, releases: Iterable[ReferenceRelease], policy: Policy, is_simulated: bool, now: datetime
) -> ReferenceRelease:
    """Return a release in force that measures as this report does, where no statement names one.

    Raises:
        AppraisalError: `measurements_differ`, it is none of them.
    """
    for release in releases:
        try:
            _check_release(release, policy=policy, is_simulated=is_simulated, now=now)
            _check_measured(report, release.measurements)
        except AppraisalError:
            continue
        return release
    raise AppraisalError("measurements_differ", "what was started is no release in force")


def _named_release(releases: Sequence[ReferenceRelease | RefusedRelease], digest: bytes) -> ReferenceRelease:
    named = [item for item in releases if item.digest == digest]
    for item in named:
        if isinstance(item, ReferenceRelease):
            return item
    if named:
        raise AppraisalError("release_signature", "the release that it names is not signed by the known release key")
    raise AppraisalError("release_unknown", "it names a release that nobody published here")


def _check_release(release: ReferenceRelease, *, policy: Policy, is_simulated: bool, now: datetime) -> None:
    if (release.platform == "simulator") is not is_simulated:
        raise AppraisalError("release_unknown", "the release is for another kind of platform")
    if parse_version(release.version) < parse_version(policy.min_release_version):
        raise AppraisalError("release_old", f"release {release.version} is older than {policy.min_release_version}")
    skew = timedelta(seconds=policy.clock_skew_s).total_seconds()
    if not release.issued_at - skew <= now.timestamp() <= release.expires_at:
        raise AppraisalError("release_expired", f"release {release.version} is not in force at this time")


def _check_measured(report: TdReport, references: tuple[Measurements, ...]) -> None:
    """Compare with each set of measurements of a release; the closest one says what differs.

    A reference without RTMR3 asks for the replay of an event log, which this version does not make: it differs.
    """
    differences = [_differences(report, reference) for reference in references]
    fewest = min(differences, key=len, default=["no reference"])
    if fewest:
        raise AppraisalError("measurements_differ", ", ".join(fewest))


def _differences(report: TdReport, reference: Measurements) -> list[str]:
    names = [field.name for field in fields(Measurements)]
    return [_NAMES.get(name, name.upper()) for name in names if getattr(report, name) != getattr(reference, name)]


def _short(value: bytes) -> str:
    return f"{value.hex()[:16]}…"
