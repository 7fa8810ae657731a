"""The encrypted models of this installation as admins read them: state, progress, evidence, errors. Nothing secret."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from attestation.errors import ConfigurationError
from confchat.model_opening import is_open
from confchat.model_records import ModelRecord, records_of_installation
from confchat.model_states import ModelState, ModelStates, Shown, states_of_installation
from confchat.opened_weights import find_served
from confchat.unlock_words import explain_fault

Fact = tuple[str, str, bool]


def encrypted_rows(served: Collection[str]) -> list[dict[str, Any]]:
    """Return a row for each record, `served` being what the model server has now; a record that is none is a fault.

    Blocks. A row is JSON: `facts` are label, value, and whether that is code.
    """
    try:
        records = records_of_installation()
    except ConfigurationError as error:
        return [_unreadable(error)]
    states, found = states_of_installation(), find_served(records)
    answering = None if found is None or found[0].model not in served else found[0].name
    return [_row(record, _seen(record, states), is_serving=record.name == answering) for record in records]


def _unreadable(error: ConfigurationError) -> dict[str, Any]:
    sentence = _("A record cannot be read, so none of the models can be unlocked.")
    row = {"name": _("Records"), "state": "failed", "word": _("not readable"), "sentence": sentence}
    return {**row, "detail": str(error), "done": 0, "total": 0, "amount": "", "facts": []}


def _seen(record: ModelRecord, states: ModelStates) -> ModelState | None:
    """Return a model's state as it is now: whoever wrote it down may be gone, and so may what was open."""
    state = states.read(record.name)
    if state is not None and state.state == "unlocking" and not states.is_held(record.name):
        return replace(state, state="failed", fault="unlocking was ended", done=0, total=0)
    if state is not None and state.state == "unlocked" and not is_open(record.mount):
        return ModelState(state="locked", at=state.at, fault="it was not open any more")
    return state


def _row(record: ModelRecord, state: ModelState | None, *, is_serving: bool) -> dict[str, Any]:
    kind: str = "encrypted" if state is None else state.state
    if kind == "unlocked" and is_serving:
        kind = "serving"
    words = {
        "encrypted": _("encrypted"),
        "locked": _("locked"),
        "unlocking": _("being unlocked"),
        "unlocked": _("unlocked"),
        "serving": _("serving"),
        "failed": _("locked: it could not be unlocked"),
    }
    sentence, detail = _sentence(kind, state)
    done, total = (0, 0) if state is None else (state.done, state.total)
    sizes = {"done": filesizeformat(done), "total": filesizeformat(total)}
    return {
        "name": record.name,
        "state": kind,
        "word": words[kind],
        "sentence": sentence,
        "detail": detail,
        "done": done,
        "total": total,
        "amount": _("%(done)s of %(total)s") % sizes if total else "",
        "facts": _facts(record, state),
    }


def _sentence(kind: str, state: ModelState | None) -> tuple[str, str]:
    if state is None:
        return _("It has not been unlocked on this machine yet: manage.py model_unlock does that."), ""
    if kind == "unlocking":
        return _step(state), ""
    if state.fault:
        return explain_fault(state.fault)
    sentences = {
        "locked": _("It was locked on request. Nothing of it is in clear on this machine."),
        "unlocked": _("It is open, and the model server does not serve it: see that it reads what is opened."),
        "serving": _("It is open, and answers."),
    }
    return sentences.get(kind, ""), ""


def _step(state: ModelState) -> str:
    return {
        "manifest": _("Checking the owner's signature"),
        "stored": _("Checking what is stored"),
        "evidence": _("Showing this machine's evidence to the broker"),
        "open": _("Opening it"),
        "none": "",
    }[state.step]


def _facts(record: ModelRecord, state: ModelState | None) -> list[Fact]:
    since = [] if state is None else [(_("Since"), _time(state.moment), False)]
    shown = None if state is None else state.shown
    manifest = record.manifest or _("not named: any model of its owner is opened")
    return [
        *since,
        (_("Model"), record.model, False),
        (_("Manifest"), manifest, record.manifest is not None),
        (_("Broker"), record.broker.url, False),
        (_("Key"), str(record.key), True),
        *([] if state is None or shown is None else _shown(state, shown)),
    ]


def _shown(state: ModelState, shown: Shown) -> list[Fact]:
    ways = {"mount": _("mounted read-only, decrypted as it is read"), "decrypt": _("decrypted into memory")}
    return [
        (_("Opened"), ways.get(state.way, state.way), False),
        (_("Last confirmed by the broker"), _time(state.confirmed), False),
        (_("Protocol"), shown.protocol, False),
        (_("Policies named by the broker"), ", ".join(shown.policies) or "–", False),
        ("MRTD", shown.mr_td, True),
        *((f"RTMR{index}", value, True) for index, value in enumerate(shown.rtmrs)),
    ]


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
