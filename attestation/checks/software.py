"""Is what runs in there closed to the outside, and a release that is known? `td.*`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from attestation.checks.workload import explain_rtmr3
from attestation.errors import AppraisalError
from attestation.eventlog import EventLog
from attestation.examination import Examination, given
from attestation.policy import MEASUREMENTS, Policy
from attestation.quote import TdReport
from attestation.reference_values import Measurements, ReferenceRelease, RefusedRelease, parse_version
from attestation.td_attributes import FORBIDDEN_BITS, KNOWN_BITS, SEPT_VE_DISABLE

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
    _check_bits(report, subject.policy)
    _check_module(report, subject.policy)
    service_td = report.mr_service_td
    if service_td is not None and any(service_td) and service_td not in subject.policy.service_tds:
        raise AppraisalError(
            "service_td", f"a service machine that is not allowed is bound to it ({_short(service_td)})"
        )
    return "The machine is closed: no debugging, no profiling, no migration."


def check_platform(subject: Examination) -> str | None:
    """`platform.id`: one of the platforms that the policy names. Left out where it names none."""
    known = subject.policy.platform_ids
    if known is None:
        return None
    platform_id = given("its certificate", lambda: subject.pck).ppid
    if platform_id not in known:
        raise AppraisalError("platform_unknown", f"the policy does not name this platform ({_short(platform_id)})")
    return f"The platform {_short(platform_id)} is one of those that the policy names."


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
    reference = _closest(report, release.measurements, names=subject.policy.release_measurements)
    if reference.rtmr3 is None:
        explain_rtmr3(given("the event log", lambda: subject.event_log), report, release)
    if not release.names_model(statement.model_name, statement.model_digest):
        raise AppraisalError(
            "model_differs", f"the model {statement.model_name} is not one of release {release.version}"
        )
    return f"What was started is release {release.version}, with the model {statement.model_name}."


def find_release(
    report: TdReport,
    log: EventLog,
    *,
    releases: Iterable[ReferenceRelease],
    policy: Policy,
    is_simulated: bool,
    now: datetime,
) -> ReferenceRelease:
    """Return a release in force that measures as this report does, where no statement names one.

    Raises:
        AppraisalError: `measurements_differ`, it is none of them.
    """
    for release in releases:
        try:
            _check_release(release, policy=policy, is_simulated=is_simulated, now=now)
            if _closest(report, release.measurements, names=policy.release_measurements).rtmr3 is None:
                explain_rtmr3(log, report, release)
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
    if (release.platform == "simulator") is not is_simulated or release.platform not in policy.release_platforms:
        raise AppraisalError("release_unknown", "the release is for another kind of platform")
    if parse_version(release.version) < parse_version(policy.min_release_version):
        raise AppraisalError("release_old", f"release {release.version} is older than {policy.min_release_version}")
    skew = timedelta(seconds=policy.clock_skew_s).total_seconds()
    if not release.issued_at - skew <= now.timestamp() <= release.expires_at:
        raise AppraisalError("release_expired", f"release {release.version} is not in force at this time")


def _closest(report: TdReport, references: tuple[Measurements, ...], *, names: frozenset[str]) -> Measurements:
    """Return the set of measurements of a release that this report has, as far as the policy names them.

    Raises:
        AppraisalError: `measurements_differ`; the closest set says what differs.
    """
    differences = [(_differences(report, reference, names), reference) for reference in references]
    if not differences:
        raise AppraisalError("measurements_differ", "no reference")
    fewest, reference = min(differences, key=lambda item: len(item[0]))
    if fewest:
        raise AppraisalError("measurements_differ", ", ".join(fewest))
    return reference


def _differences(report: TdReport, reference: Measurements, names: frozenset[str]) -> list[str]:
    """Return what differs; a reference without RTMR3 leaves that to the replay of an event log."""
    expected = {name: getattr(reference, name) for name in MEASUREMENTS if name in names}
    return [
        _NAMES.get(name, name.upper())
        for name, value in expected.items()
        if getattr(report, name) != value and not (name == "rtmr3" and value is None)
    ]


def _exceeds(value: bytes, allowed: bytes) -> bool:
    """Tell whether a mask has a bit that another has not."""
    return any(byte & ~most for byte, most in zip(value, allowed, strict=True))


def _short(value: bytes) -> str:
    return f"{value.hex()[:16]}…"


def _check_bits(report: TdReport, policy: Policy) -> None:
    """Judge the TD's attributes, first by what no policy may allow, and the features it may use."""
    attributes = int.from_bytes(report.td_attributes, "little")
    for bits, code, meaning in FORBIDDEN_BITS:
        if any(attributes >> bit & 1 for bit in bits):
            raise AppraisalError(code, meaning)
    if any(attributes >> bit & 1 for bit in range(64) if bit not in KNOWN_BITS):
        raise AppraisalError("td_reserved", "an attribute is set whose meaning is unknown")
    if not attributes >> SEPT_VE_DISABLE & 1:
        raise AppraisalError("td_sept_ve", "the host may take pages away unnoticed (SEPT_VE_DISABLE is off)")
    if _exceeds(report.td_attributes, policy.allowed_td_attributes):
        raise AppraisalError("td_attribute_refused", "an attribute is set that the policy does not allow")
    if _exceeds(report.xfam, policy.allowed_xfam):
        raise AppraisalError("xfam_refused", "it may use features of the processor that the policy does not allow")


def _check_module(report: TdReport, policy: Policy) -> None:
    """Judge who signed the TDX module, whether it is one for production, and which one it is."""
    if report.mr_signer_seam not in policy.mr_signer_seams:
        raise AppraisalError("seam_signer", "the TDX module is signed by nobody whom the policy names")
    if any(report.seam_attributes):
        raise AppraisalError("seam_attributes", "the TDX module is not one for production")
    if policy.mr_seams is not None and report.mr_seam not in policy.mr_seams:
        raise AppraisalError("seam_refused", f"the policy does not name this TDX module ({_short(report.mr_seam)})")
