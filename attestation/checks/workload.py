"""Was what runs in there measured, and is all of it the release's? `td.workload`, and RTMR3 for `td.measurements`."""

from __future__ import annotations

from attestation.errors import AppraisalError, MalformedError
from attestation.eventlog import APPLICATION_REGISTER, EventLog
from attestation.examination import Examination, UncheckedError, given
from attestation.quote import TdReport
from attestation.reference_models import ModelServer
from attestation.reference_values import ReferenceRelease
from attestation.workload import MeasuredApplication, MeasuredModel, judge_events, last_measured, require_unchanged


def check_workload(subject: Examination) -> str | None:
    """`td.workload`: application, model server and model were measured, and every event is one of the release.

    Left out where some of that was not measured and the policy accepts it; what was measured is judged nevertheless.
    """
    report = given("the report", lambda: subject.quote).report
    log = _read_log(subject)
    for event in log.boot:
        require_unchanged(log, event)
    if not log.measures_applications:
        _require_replay(log, report)
        _allow_unmeasured(subject, "the machine measures nothing of what it runs")
        return None
    release = _named_release(subject)
    judge_events(log, release)
    _require_replay(log, report)
    return _require_all(subject, log, release)


def _allow_unmeasured(subject: Examination, what: str) -> None:
    """Leave the check out where the policy accepts that. Raises `UncheckedError` where it does not."""
    if subject.policy.workload != "accept-unmeasured":
        raise UncheckedError(what)


def explain_rtmr3(log: EventLog, report: TdReport, release: ReferenceRelease) -> None:
    """Require RTMR3 to be the replay of a log whose every event the release allows.

    Raises:
        AppraisalError: an event is not allowed, or `measurements_differ`.
    """
    judge_events(log, release)
    if log.registers()[APPLICATION_REGISTER] != report.rtmr3:
        raise AppraisalError("measurements_differ", "RTMR3")


def _named_release(subject: Examination) -> ReferenceRelease:
    """Return the release that the statement names. Raises `UncheckedError` where none is known here."""
    release = given("what the machine says", lambda: subject.release)
    if release is None:
        raise UncheckedError("the release that it names is not known here")
    return release


def _read_log(subject: Examination) -> EventLog:
    try:
        return subject.event_log
    except MalformedError as error:
        raise AppraisalError("event_log_malformed", f"the log of what was started cannot be read: {error}") from error


def _require_replay(log: EventLog, report: TdReport) -> None:
    """Compare the log's end with the processor's registers. Raises `AppraisalError`, `event_log_differs`."""
    reported = report.rtmr0, report.rtmr1, report.rtmr2, report.rtmr3
    replayed = log.registers()
    names = [f"RTMR{index}" for index in log.covered if replayed[index] != reported[index]]
    if names:
        raise AppraisalError("event_log_differs", f"the events do not lead to {', '.join(names)}")


def _require_all(subject: Examination, log: EventLog, release: ReferenceRelease) -> str | None:
    statement = given("what the machine says", lambda: subject.statement)
    application, server = last_measured(log, MeasuredApplication), last_measured(log, ModelServer)
    model = last_measured(log, MeasuredModel, statement.model_name)
    if model is not None and model.manifest != statement.model_digest:
        raise AppraisalError("model_differs", f"the model {statement.model_name} is not the one that was measured")
    if application is not None and application.release != f"sha256:{release.digest.hex()}":
        raise AppraisalError("application_differs", f"the application said that it is release {application.release}")
    if server is None or model is None or application is None:
        parts = f"the application, the model server or the model {statement.model_name}"
        _allow_unmeasured(subject, f"{parts} was not measured")
        return None
    return (
        f"What runs was measured, and is of release {release.version}: the application, {server.server} "
        f"and the model {statement.model_name}."
    )
