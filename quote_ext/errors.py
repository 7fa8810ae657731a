"""What can go wrong between asking for a quote and having its bytes; every error keeps the number it was given.

QuoteError
├── DeviceError             an operating system call failed; `status` is its errno
│   ├── DeviceMissingError  this machine has no such interface, or nobody serves it
│   ├── DeviceAccessError   this process may not use it, or its path is too long
│   └── DeviceBusyError     still busy after the last attempt, or out of time
├── ServiceError            the quoting service refused; `status` is its error code
├── HostError               the host of the machine did not give a quote; `status` is its GetQuote status
├── LibraryError            libtdx_attest refused; `status` is its tdx_attest_error_t
└── ProtocolError           the answer breaks a rule; `status` is the size or field value that broke it
"""

from __future__ import annotations

import errno
from typing import ClassVar


class QuoteError(Exception):
    """No quote could be had: `step` names the call or field, `status` is the number it gave."""

    def __init__(self, step: str, status: int) -> None:
        super().__init__(f"{step}: {self.describe(status)}")
        self.step = step
        self.status = status

    @staticmethod
    def describe(status: int) -> str:
        """Return a status in words."""
        return str(status)


class DeviceError(QuoteError):
    """An operating system call failed; `status` is its errno."""

    @staticmethod
    def describe(status: int) -> str:
        """Return an errno by its name in errno(3)."""
        return f"{errno.errorcode.get(status, 'unknown errno')} ({status})"


class DeviceMissingError(DeviceError):
    """This machine has no such interface, or nobody serves it."""


class DeviceAccessError(DeviceError):
    """This process may not use the interface, or its path is too long."""


class DeviceBusyError(DeviceError):
    """The interface was still busy after the last attempt, or the time given was over."""


class NamedError(QuoteError):
    """A status that its header gives a name."""

    names: ClassVar[dict[int, str]] = {}

    @classmethod
    def describe(cls, status: int) -> str:
        """Return a status by its name and as its header writes it."""
        return f"{cls.names.get(status, 'unknown status')} (0x{status:x})"


class ServiceError(NamedError):
    """The quoting service refused; `status` is its error code (qgs_msg_lib.h, QGS_MSG_ERROR_…)."""

    names: ClassVar[dict[int, str]] = {
        0x12001: "UNEXPECTED",
        0x12002: "OUT_OF_MEMORY",
        0x12003: "INVALID_PARAMETER",
        0x12004: "INVALID_VERSION",
        0x12005: "INVALID_TYPE",
        0x12006: "INVALID_SIZE",
        0x12007: "INVALID_CODE",
    }


class HostError(NamedError):
    """The host did not give a quote; `status` is GetQuote's (GHCI 1.0, section 3.3)."""

    names: ClassVar[dict[int, str]] = {
        0xFFFF_FFFF_FFFF_FFFF: "GET_QUOTE_IN_FLIGHT",
        0x8000_0000_0000_0000: "GET_QUOTE_ERROR",
        0x8000_0000_0000_0001: "GET_QUOTE_SERVICE_UNAVAILABLE",
    }


class LibraryError(NamedError):
    """libtdx_attest refused; `status` is its tdx_attest_error_t (tdx_attest.h)."""

    names: ClassVar[dict[int, str]] = {
        0x1: "UNEXPECTED",
        0x2: "INVALID_PARAMETER",
        0x3: "OUT_OF_MEMORY",
        0x4: "VSOCK_FAILURE",
        0x5: "REPORT_FAILURE",
        0x6: "EXTEND_FAILURE",
        0x7: "NOT_SUPPORTED",
        0x8: "QUOTE_FAILURE",
        0x9: "BUSY",
        0xA: "DEVICE_FAILURE",
        0xB: "INVALID_RTMR_INDEX",
        0xC: "UNSUPPORTED_ATT_KEY_ID",
    }


class ProtocolError(QuoteError):
    """The answer breaks a rule of its protocol; `status` is the size or field value that broke it."""

    @staticmethod
    def describe(status: int) -> str:
        """Return the value that was refused."""
        return f"refused value {status}"


_CLASSES: dict[int, type[DeviceError]] = {
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR, errno.ENXIO, errno.ENODEV, errno.ECONNREFUSED), DeviceMissingError),
    # A device without this request, a machine without this kind of socket, a library that cannot be loaded.
    **dict.fromkeys((errno.ENOTTY, errno.EAFNOSUPPORT, errno.ELIBACC, errno.ELIBBAD), DeviceMissingError),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP), DeviceAccessError),
    **dict.fromkeys((errno.EBUSY, errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT), DeviceBusyError),
}

# In the order of `Step` in result.pxd.
_STEPS = (
    "entry",
    "provider",
    "lock",
    "inblob",
    "generation",
    "outblob",
    "connect",
    "send",
    "receive",
    "frame size",
    "major version",
    "message type",
    "message size",
    "error code",
    "selected id size",
    "quote size",
    "bytes after the frame",
    "device",
    "GET_REPORT",
    "GET_QUOTE",
    "EXTEND_RTMR",
    "output length",
    "library",
    "symbol",
    "tdx_att_get_quote",
    "tdx_att_extend",
)
# In the order of `Kind` in result.pxd, behind KIND_ERRNO.
_KINDS: tuple[type[QuoteError], ...] = (ServiceError, HostError, LibraryError, ProtocolError)


def quote_error(kind: int, step: int, status: int) -> QuoteError:
    """Build the error of a failure: the positions of its kind and step in result.pxd, and its number."""
    if kind == 0:
        return device_error(_STEPS[step], status)
    return _KINDS[kind - 1](_STEPS[step], status % 2**64)


def device_error(step: str, status: int) -> DeviceError:
    """Build the error of the class that an errno belongs to."""
    return _CLASSES.get(status, DeviceError)(step, status)
