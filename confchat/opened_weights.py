"""Whether the weights that answer were opened under attestation: what was written down of it, held to what is served.

What this returns is the word of the software that answers. A quote proves which software that is, and, by its event
log, which weights are served; of the opening only what was measured, as `ModelRecord.opening_event`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attestation.errors import ConfigurationError
from confchat.engines import serves_files
from confchat.errors import ModelError
from confchat.llm import ModelDescription
from confchat.llm.modelstore import ModelStore
from confchat.model_choice import served_from
from confchat.model_opening import MOUNTED_AS, file_system_of, is_open
from confchat.model_records import ModelRecord, records_of_installation
from confchat.model_states import ModelState, Shown, states_of_installation


def describe_openings(models: Iterable[ModelDescription]) -> dict[str, dict[str, Any] | None]:
    """Return for each model's name how it was opened, as `model.list` says it; None for one that lies here in clear.

    Blocks. A model of which nothing is known is left out: it answers elsewhere, or a record or a state is damaged.
    """
    place = served_from()
    try:
        records = () if place is None else records_of_installation()
    except ConfigurationError:
        place = None
    if place is None:
        return {}
    found = find_served(records)
    if found is None:
        return dict.fromkeys(model.name for model in models)
    state = found[1]
    shown = state.shown
    if shown is None:
        return {}
    described = {"at": state.at, "way": state.way, **_public(shown)}
    return {model.name: described for model in models if _is_there(model, place)}


def find_served(records: Iterable[ModelRecord]) -> tuple[ModelRecord, ModelState] | None:
    """Return which encrypted model is open where models are served from, and its state; None where none is. Blocks."""
    place, states = served_from(), states_of_installation()
    for record in records:
        state = states.read(record.name)
        if place is None or state is None or state.state != "unlocked":
            continue
        if not place.resolve().is_relative_to(record.mount.resolve()):
            continue
        if is_open(record.mount) and (state.way != "mount" or file_system_of(record.mount) == MOUNTED_AS):
            return record, state
    return None


def _is_there(model: ModelDescription, place: Path) -> bool:
    """Say whether a model is the one at this place; files that a setting names have no other digest than theirs."""
    if serves_files():
        return True
    try:
        manifest = ModelStore(place).files_of(model.name).manifest.read_bytes()
    except (ModelError, OSError):
        return False
    return model.digest == f"sha256:{hashlib.sha256(manifest).hexdigest()}"


def _public(shown: Shown) -> dict[str, Any]:
    return {
        "broker": shown.broker,
        "owner_key": shown.owner_key,
        "manifest": shown.manifest,
        "policies": list(shown.policies),
    }
