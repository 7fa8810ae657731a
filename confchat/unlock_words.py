"""Why a model is locked, in the words of people who run a machine: by what was written down when it was."""

from __future__ import annotations

from django.utils.translation import gettext as _

SEPARATOR = ": "


def explain_fault(fault: str) -> tuple[str, str]:
    """Return one sentence in the reader's language, and what was written down where that says more."""
    code = fault.partition(SEPARATOR)[0]
    found = _by_code().get(code) or (
        _("The broker refused, or its answer is not understood.") if _is_of_broker(code) else ""
    )
    if found:
        return found, fault
    return _by_reason().get(fault, fault), ""


def _is_of_broker(code: str) -> bool:
    return code.startswith("kbs_")


def _by_code() -> dict[str, str]:
    unanswered = _("No key broker answers at its address.")
    altered = _("The broker's answer was not made for this machine's key: nothing of it is used.")
    return {
        "damaged": _("What is stored is not what its owner signed. Fetch it again."),
        "other_model": _("It is its owner's, and not the model that the record names. Ask the owner which is meant."),
        "wrong_key": _("The broker gave a key that does not open it: that of another model."),
        "source": _("It cannot be opened at this place: in use, on a disk, or too small."),
        "storage": _("A disk, FUSE or gocryptfs does not do what it should."),
        "unsupported": _("It was encrypted in a way that is not opened here. Encrypt it anew."),
        "unavailable": _("This machine had no evidence to show."),
        "kbs_unavailable": unanswered,
        "kbs_timeout": unanswered,
        "kbs_certificate": _("Who answers at the broker's address has another certificate."),
        "kbs_attestation": _("The broker did not accept this machine's evidence. Its log says why."),
        "kbs_policy": _("The broker's policy does not give the key to this machine."),
        "kbs_resource": _("The broker has no such key, or cannot read it."),
        "kbs_algorithm": altered,
        "kbs_sealed": altered,
        "not locked": _("It could not be locked, and is still open. Stop the model server and lock it again."),
    }


def _by_reason() -> dict[str, str]:
    return {
        "this machine's attestation failed": _("It was locked because this machine's own attestation failed."),
        "whoever kept it open was ended": _("It was locked when the process ended that kept it open."),
        "its engine ended": _("It was locked when its model server ended."),
        "it was not open any more": _("It was closed by somebody else."),
        "unlocking was ended": _("Unlocking was ended before it was done."),
    }
