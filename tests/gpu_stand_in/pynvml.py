"""NVML's Python bindings, as far as they are asked (nvidia-ml-py 12.535)."""

import json
from pathlib import Path

STAND_IN = json.loads((Path(__file__).parent / "stand_in.json").read_text())


class NVMLError(Exception):
    """What NVML raises."""


class NVMLError_LibraryNotFound(NVMLError):
    """There is no driver."""


class NVMLError_NotSupported(NVMLError):
    """The GPU does not know what was asked."""


class State:
    """c_nvmlConfComputeSystemState_t."""

    environment = 2
    ccFeature = STAND_IN["cc"]
    devToolsMode = STAND_IN["devtools"]


def nvmlInit():
    if STAND_IN["devices"] is None:
        raise NVMLError_LibraryNotFound


def nvmlDeviceGetCount():
    return STAND_IN["devices"]


def nvmlSystemGetConfComputeState():
    if STAND_IN["cc"] is None:
        raise NVMLError_NotSupported
    return State
