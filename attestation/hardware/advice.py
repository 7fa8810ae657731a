"""What an operator can do about an interface that fails: one sentence for each failure that has a known cause."""

from __future__ import annotations

import errno

from attestation.errors import AttestationError, ConfigurationError, UnavailableError
from quote_ext.errors import (
    DeviceAccessError,
    DeviceBusyError,
    DeviceError,
    DeviceMissingError,
    HostError,
    LibraryError,
    ProtocolError,
    QuoteError,
    ServiceError,
)

# qgs_msg_lib.h, qgs_msg_error_t.
SERVICE = {
    0x12001: "The quoting service failed inside; its log on the host says why (journalctl -u qgsd).",
    0x12002: "The quoting service has no memory left on the host.",
    0x12003: "The quoting service refused the report: it was made on another machine, or the enclave was restarted.",
    0x12004: "The quoting service speaks another version of its protocol: update it on the host.",
    0x12005: "The quoting service does not know this request: update it on the host.",
    0x12006: "The quoting service read another size than was sent: something between changes the bytes.",
    0x12007: "The quoting service refused the request's error code: something between changes the bytes.",
}

# Guest-Hypervisor Communication Interface 1.0, section 3.3.
HOST = {
    0xFFFF_FFFF_FFFF_FFFF: "The host has not finished; its quoting service is slow or hangs. Try again.",
    0x8000_0000_0000_0000: "The host failed to make a quote; whoever runs it must look at its quoting service.",
    0x8000_0000_0000_0001: "The host has no quoting service: whoever runs it must start qgsd and connect it.",
}

# tdx_attest.h, tdx_attest_error_t.
LIBRARY = {
    0x1: "libtdx_attest does not say why; what it writes to the system's log does.",
    0x2: "libtdx_attest refused an argument: it is of a version that this program does not know.",
    0x3: "There is no memory left.",
    0x4: "libtdx_attest could not reach the quoting service on the port of /etc/tdx-attest.conf: is qgsd running?",
    0x5: "The TDX module gave no report: is this a TDX guest, and may this process open /dev/tdx_guest?",
    0x6: "The register was not extended: this kernel's device has no request for it.",
    0x7: "libtdx_attest knows no way on this machine: no port in /etc/tdx-attest.conf, no configfs, no quote request.",
    0x8: "The host gave no quote; whoever runs it must look at its quoting service.",
    0x9: "The device is busy with another quote. Try again.",
    0xA: "libtdx_attest cannot open /dev/tdx_guest: load the module, or give this process's group the device.",
    0xB: "This register may not be extended, or there is none of this number.",
    0xC: "libtdx_attest knows no attestation key of the kind that was asked for.",
}

ACCESS = {
    "configfs": (
        "This process may not use configfs. Run it as root, or let root prepare the entry `confchat` for its group; "
        "ProtectKernelTunables=yes forbids it, too."
    ),
    "library": "This process may not load the library.",
    "qgs": "This process may not open the TDX device, or not connect to the quoting service: add it to their groups.",
    "driver": "This process may not open the TDX device, or not make this request: add it to the device's group.",
    "sysfs": "This process may not extend RTMR3: root must give its group the file rtmr3:sha384.",
}

MISSING = {
    ("configfs", "entry"): "No TDX guest stands behind configfs: load the module tdx_guest (ENXIO), or mount configfs.",
    ("configfs", "provider"): "Nothing, or another kind of machine, stands behind this directory: no TDX guest does.",
    ("qgs", "connect"): "Nobody listens there: start qgsd on the host with this port, and give the machine a vsock.",
    ("driver", "GET_QUOTE"): "This kernel's device cannot ask for quotes, as Linux' own cannot: use another way.",
    ("driver", "EXTEND_RTMR"): "This kernel's device cannot extend registers.",
    ("sysfs", "rtmr3:sha384"): "Linux offers it since 6.16, where CONFIG_TSM_MEASUREMENTS is set, and not here.",
    ("library", "library"): "It is not installed: the package is libtdx-attest.",
    ("library", "symbol"): "That is another library, or one too old.",
}
NO_DEVICE = "There is no TDX device: this is no TDX guest, or the module tdx_guest is not loaded."
NO_REPORT = "What is there is not the device of a TDX guest."


def advise(way: str, error: QuoteError) -> str:
    """Return what an error of a way means, and what to do, in a sentence or two; never empty."""
    if isinstance(error, ServiceError | HostError | LibraryError):
        table = {ServiceError: SERVICE, HostError: HOST, LibraryError: LIBRARY}[type(error)]
        return table.get(error.status, "No document of ours knows this status.")
    if isinstance(error, DeviceError):
        return _advise_on_device(way, error)
    if isinstance(error, ProtocolError):
        return "The answer breaks its protocol: the other side is of another version, or fails."
    raise TypeError(type(error).__name__)


def translate(error: QuoteError, *, way: str, what: str) -> AttestationError:
    """Return the error of this package for one of the hardware, with its number and the advice."""
    sentence = f"{what} through {way}: {error}. {advise(way, error)}"
    return ConfigurationError(sentence) if isinstance(error, DeviceAccessError) else UnavailableError(sentence)


def _advise_on_device(way: str, error: DeviceError) -> str:
    if isinstance(error, DeviceAccessError):
        return ACCESS.get(way, "This process may not use it.")
    if isinstance(error, DeviceMissingError):
        general = {"device": NO_DEVICE, "GET_REPORT": NO_REPORT}
        return general.get(error.step) or MISSING.get((way, error.step), "This machine has no such interface.")
    if isinstance(error, DeviceBusyError):
        return "It is busy, or slower than the time it is given. Try again."
    if error.status == errno.ECONNRESET:
        return "The quoting service closed the connection before its answer was whole; its log says why."
    return "The operating system refused it; dmesg may say why."
