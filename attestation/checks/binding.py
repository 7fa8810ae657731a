"""Was the report made for this very request? `binding.*`."""

from __future__ import annotations

import hashlib

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from attestation.errors import AppraisalError
from attestation.examination import Examination, UncheckedError, given
from attestation.statement import EMPTY_LOG_ROOT, deployment_message, report_data

# RFC 9180 §7.1 and the X-Wing combiner: ML-KEM-768 (1184 bytes) and X25519 (32).
KEM_KEY_SIZES = {"MLKEM768-X25519": 1216, "X25519": 32}


def check_report_data(subject: Examination) -> str:
    """`binding.report_data`: the quote carries the hash of the statement's exact bytes."""
    quote = given("the report", lambda: subject.quote)
    if quote.report.report_data != report_data(subject.evidence.statement):
        raise AppraisalError("report_data_differs", "it vouches for something else than what the machine says")
    return "The report vouches for exactly what the machine says of this session."


def check_nonce(subject: Examination) -> str:
    """`binding.nonce`: it answers this request, for this conversation."""
    statement, expected = given("what the machine says", lambda: subject.statement), subject.expectation
    if expected.nonce is not None and statement.nonce != expected.nonce:
        raise AppraisalError("nonce_differs", "the random number in it is not the one that was sent")
    # NO_CONVERSATION is empty, and stands for null alone: a statement that names an empty one differs.
    if expected.conversation is not None and statement.conversation != (expected.conversation or None):
        raise AppraisalError("conversation_differs", "it was made for another conversation")
    if expected.nonce is None or expected.conversation is None:
        raise UncheckedError("the request that it answers is not known here")
    return "The report answers this request and no other."


def check_key(subject: Examination) -> str:
    """`binding.key`: the key to seal to is the one in the statement, of the first suite offered."""
    statement, key = given("what the machine says", lambda: subject.statement), subject.evidence.kem_key
    if hashlib.sha256(key).digest() != statement.kem_key_sha256:
        raise AppraisalError("key_differs", "somebody put another key beside the report")
    size = KEM_KEY_SIZES.get(statement.kem_suite)
    if size is not None and len(key) != size:
        raise AppraisalError("key_size", f"the key is not one for {statement.kem_suite}")
    suites = subject.expectation.suites
    if size is None or (suites is not None and suites[:1] != (statement.kem_suite,)):
        raise AppraisalError("suite_differs", "the kind of key is not the one that was asked for")
    if suites is None:
        raise UncheckedError("the kinds of key that were asked for are not known here")
    return f"The key for this session ({statement.kem_suite}) is the one in the report."


def check_origin(subject: Examination) -> str:
    """`binding.origin`: the client's own origin, and the deployment whose log key it pinned."""
    statement, expected = given("what the machine says", lambda: subject.statement), subject.expectation
    if expected.origin is not None and statement.origin != expected.origin:
        raise AppraisalError("origin_differs", f"it was made for {statement.origin}")
    if expected.deployment_key is not None and not _is_signed_by(subject, expected.deployment_key):
        raise AppraisalError("deployment_signature", "it is not signed by the operator who is known here")
    if expected.origin is None or expected.deployment_key is None:
        raise UncheckedError("the address or the operator's key is not known here")
    return f"The report was made for {statement.origin}, by the operator who is known here."


def check_fresh(subject: Examination) -> str:
    """`binding.fresh`: a short life, now within it, and a short wait."""
    statement, policy, expected = (
        given("what the machine says", lambda: subject.statement),
        subject.policy,
        subject.expectation,
    )
    now, skew = expected.now.timestamp(), policy.clock_skew_s
    if not 0 < statement.expires_at - statement.issued_at <= policy.max_lifetime_s:
        raise AppraisalError("lifetime_too_long", "it is made to hold for too long")
    if now < statement.issued_at - skew:
        raise AppraisalError("not_yet_valid", "it comes from the future")
    if now > statement.expires_at + skew:
        raise AppraisalError("expired", "it is too old")
    if expected.elapsed_s is None:
        raise UncheckedError("how long the answer took is not known here")
    if expected.elapsed_s > policy.max_lifetime_s:
        raise AppraisalError("answered_too_late", "the answer took too long")
    return f"The report is {max(0, int(now) - statement.issued_at)} seconds old."


def check_log(subject: Examination) -> str | None:
    """`binding.log`: no earlier view of this log, or an equal one.

    Left out where the log has grown: that it only grew is proved when the session opens.
    """
    statement, view = given("what the machine says", lambda: subject.statement), subject.expectation.log_view
    if statement.log_size == 0 and statement.log_root != EMPTY_LOG_ROOT:
        raise AppraisalError("log_differs", "an empty log has another root")
    if view is None or view.origin != statement.log_origin:
        return "No earlier view of this public log is known here."
    if statement.log_size < view.size:
        raise AppraisalError("log_differs", f"it had {view.size} entries before and {statement.log_size} now")
    if statement.log_size > view.size:
        return None
    if statement.log_root != view.root:
        raise AppraisalError("log_differs", "an entry of it was changed")
    return "The public log is the one seen before."


def _is_signed_by(subject: Examination, key: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(
            subject.evidence.deployment_sig, deployment_message(subject.evidence.statement)
        )
    except (InvalidSignature, ValueError):
        return False
    return True
