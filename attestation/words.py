"""The checks in the words of people who are not specialists: a title, and what it means when it does not hold.

The page says the same in its own language files; these serve the command line and the history's pages.
"""

from __future__ import annotations

from typing import NamedTuple


def gettext_noop(text: str) -> str:
    """Mark a text for `manage.py makemessages`; who shows it translates it. This module does not know Django."""
    return text


class CheckWords(NamedTuple):
    """`title` is the claim that a check makes; `fault` says what it means when that claim does not hold."""

    title: str
    fault: str


CHECK_WORDS: dict[str, CheckWords] = {
    "quote.parse": CheckWords(
        gettext_noop("The machine's report can be read"),
        gettext_noop("The report is damaged or of an unknown kind."),
    ),
    "quote.chain": CheckWords(
        gettext_noop("Intel vouches for this processor"),
        gettext_noop("The certificates do not lead to Intel, or one was revoked."),
    ),
    "quote.collateral": CheckWords(
        gettext_noop("Intel's status lists are current"),
        gettext_noop("Intel's lists for this platform are missing, expired or not genuine."),
    ),
    "quote.qe": CheckWords(
        gettext_noop("The signing enclave is Intel's"),
        gettext_noop("The part of the processor that signs reports is not the one Intel released."),
    ),
    "quote.signature": CheckWords(
        gettext_noop("The report was signed by this processor"),
        gettext_noop("The signature does not match: the report was changed or made up."),
    ),
    "tcb.status": CheckWords(
        gettext_noop("The processor's protections are up to date"),
        gettext_noop("Known weaknesses of this platform have not been repaired."),
    ),
    "platform.id": CheckWords(
        gettext_noop("It is one of the machines that are expected"),
        gettext_noop("The policy names the machines that count, and this is none of them."),
    ),
    "td.attributes": CheckWords(
        gettext_noop("Nobody can look inside the machine"),
        gettext_noop("The machine runs in debug mode, or could be moved or inspected."),
    ),
    "td.measurements": CheckWords(
        gettext_noop("It runs exactly the released software"),
        gettext_noop("What was started is not a known release."),
    ),
    "td.workload": CheckWords(
        gettext_noop("Everything that runs on it was measured"),
        gettext_noop("Something runs there that was not released, or that was not measured."),
    ),
    "model.endpoint": CheckWords(
        gettext_noop("The model runs inside this machine"),
        gettext_noop("The model runs somewhere else, where prompts are read and nothing is proven."),
    ),
    "binding.report_data": CheckWords(
        gettext_noop("The report was made for this conversation"),
        gettext_noop("The report does not belong to this session."),
    ),
    "binding.nonce": CheckWords(
        gettext_noop("The report is fresh"),
        gettext_noop("It answers somebody else's question, or an old one."),
    ),
    "binding.key": CheckWords(
        gettext_noop("Only this machine can read what is sent"),
        gettext_noop("The key offered is not the one in the report."),
    ),
    "binding.origin": CheckWords(
        gettext_noop("It is this site, not a copy elsewhere"),
        gettext_noop("The report was made for another address or another operator."),
    ),
    "binding.fresh": CheckWords(
        gettext_noop("The report is only minutes old"),
        gettext_noop("It has expired, or a clock is wrong."),
    ),
    "binding.log": CheckWords(
        gettext_noop("The history has not been rewritten"),
        gettext_noop("The public log does not continue the one seen before."),
    ),
    "gpu.evidence": CheckWords(
        gettext_noop("The graphics processor is what the policy asks for"),
        gettext_noop("The graphics processor that runs the model is not proven to be confidential."),
    ),
    "verdict.token": CheckWords(
        gettext_noop("The attestation service agrees"),
        gettext_noop("The service refused, did not answer, or its answer is not genuine."),
    ),
}

OUTCOME_WORDS: dict[str, str] = {
    "affirming": gettext_noop("Verified"),
    "warning": gettext_noop("Not fully verified"),
    "contraindicated": gettext_noop("Not verified"),
    "none": gettext_noop("Not appraised"),
}

STATUS_WORDS: dict[str, str] = {
    "pass": gettext_noop("holds"),
    "fail": gettext_noop("does not hold"),
    "unknown": gettext_noop("not checked"),
}

SOURCE_WORDS: dict[str, str] = {
    "hardware": gettext_noop("the processor"),
    "derived": gettext_noop("computed here from its report"),
    "asserted": gettext_noop("somebody else's word"),
}

ERROR_WORDS: dict[str, str] = {
    "service_refused": gettext_noop("The attestation service refused the evidence."),
    "service_unavailable": gettext_noop("The attestation service could not be reached."),
    "service_timeout": gettext_noop("The attestation service did not answer in time."),
    "service_lying": gettext_noop("The attestation service's answer was not genuine, or about something else."),
}


# Why a witness did not cosign.
WITNESS_WORDS: dict[str, str] = {
    "": gettext_noop("It cosigned when it was asked last."),
    "witness_silent": gettext_noop("It did not answer when it was asked last, or refused."),
    "not_cosigned": gettext_noop("Its last answer was not its own signature under this checkpoint."),
    "witness_ahead": gettext_noop(
        "It has seen more of this log than this server knows: database and signature file were set back, or somebody "
        "else signs with this log's key."
    ),
}

# What comes of verifying a record again.
FINDING_WORDS: dict[str, str] = {
    "holds": gettext_noop("Holds, and stands in the signed log"),
    "not yet logged": gettext_noop("Holds; no signed checkpoint covers it yet"),
    "differs": gettext_noop("Would be judged otherwise than was recorded"),
    "not good now": gettext_noop("Held then, and does not with today's lists"),
    "not in the log": gettext_noop("Is not what stands in the log"),
    "unreadable": gettext_noop("Cannot be read"),
}

# Why a proposal is not decided as somebody wants.
DECISION_WORDS: dict[str, str] = {
    "same_person": gettext_noop("Who proposed it cannot approve it: another person must."),
    "proposal_changed": gettext_noop("This is not what was shown to you. Nothing was approved."),
    "decided": gettext_noop("It was decided before."),
}

# Kinds of log entries.
ENTRY_WORDS: dict[str, str] = {
    "attestation": gettext_noop("Attestations"),
    "opening": gettext_noop("Openings of a session"),
    "policy": gettext_noop("Changes of policy, keys or releases"),
    "approval": gettext_noop("Approvals of a policy or release by two people"),
    "history key": gettext_noop("New history keys"),
    "deletion": gettext_noop("Deleted conversations"),
}


def title_of(check: str) -> str:
    """Return a check's title, or its id where this version does not know it."""
    return CHECK_WORDS[check].title if check in CHECK_WORDS else check
