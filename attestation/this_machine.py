"""This machine as the settings describe it: where its TDX interfaces are, and the attester that is chosen of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from django.conf import settings

from attestation.attester import TdxAttester, choose_attester
from attestation.hardware.machine import Machine


def machine() -> Machine:
    """Return where this machine's interfaces are."""
    found = Machine(
        configfs=settings.CONFCHAT_CONFIGFS,
        library=settings.CONFCHAT_TDX_LIBRARY,
        quoting_service=settings.CONFCHAT_QGS,
    )
    device = settings.CONFCHAT_TDX_DEVICE
    return replace(found, devices=(Path(device),)) if device else found


def simulator_directory() -> Path | None:
    """Return where the simulator is, or None where it may not be used."""
    directory: Path = settings.CONFCHAT_SIMULATOR_DIR
    return directory if settings.CONFCHAT_DEVELOPMENT else None


def attester() -> TdxAttester:
    """Return the attester that the settings choose; raises ConfigurationError where there is none."""
    return choose_attester(tdx=settings.CONFCHAT_TDX, machine=machine(), simulator_directory=simulator_directory())
