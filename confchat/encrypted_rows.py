"""The encrypted models of this installation as admins read them: state, progress, evidence, errors. Nothing secret."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.utils.translation import gettext as _

from attestation.errors import ConfigurationError
from confchat.model_records import ModelRecord, records_of_installation
from confchat.model_states import ModelState, Shown, states_of_installation


def encrypted_rows(served: Collection[str]) -> list[dict[str, Any]]:
    """Return a row for each record, `served` being what the model server has now; a record that is none is a fault."""
    try:
        records = records_of_installation()
    except ConfigurationError as error:
        return [{"name": "–", "state": "failed", "word": _("not readable"), "sentence": str(error), "facts": []}]
    states = states_of_installation()
    return [_row(record, states.read(record.name), is_served=record.model in served) for record in records]


def _row(record: ModelRecord, state: ModelState | None, *, is_served: bool) -> dict[str, Any]:
    kind: str = "encrypted" if state is None else state.state
    if kind == "unlocked" and is_served:
        kind = "serving"
    words = {
        "encrypted": _("encrypted"),
        "locked": _("locked"),
        "unlocking": _("being unlocked"),
        "unlocked": _("unlocked"),
        "serving": _("serving"),
        "failed": _("locked: it could not be unlocked"),
    }
    return {
        "name": record.name,
        "model": record.model,
        "key": str(record.key),
        "broker": record.broker.url,
        "state": kind,
        "word": words[kind],
        "at": None if state is None else state.moment,
        "sentence": "" if state is None else state.fault or _step(state),
        "done": 0 if state is None else state.done,
        "total": 0 if state is None else state.total,
        "facts": [] if state is None or state.shown is None else _facts(state, state.shown),
    }


def _step(state: ModelState) -> str:
    if state.state != "unlocking":
        return ""
    return {
        "manifest": _("Checking the owner's signature"),
        "stored": _("Checking what is stored"),
        "evidence": _("Showing this machine's evidence to the broker"),
        "open": _("Opening it"),
        "none": "",
    }[state.step]


def _facts(state: ModelState, shown: Shown) -> list[tuple[str, str]]:
    ways = {"mount": _("mounted read-only, decrypted as it is read"), "decrypt": _("decrypted into memory")}
    return [
        (_("Opened"), ways.get(state.way, state.way)),
        (_("Last confirmed by the broker"), f"{state.confirmed:%Y-%m-%d %H:%M} UTC"),
        (_("Protocol"), shown.protocol),
        (_("Policies named by the broker"), ", ".join(shown.policies) or "–"),
        ("MRTD", shown.mr_td),
        *((f"RTMR{index}", value) for index, value in enumerate(shown.rtmrs)),
    ]
