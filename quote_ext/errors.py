"""What can go wrong between asking for a quote and having its bytes; every error keeps the number it was given.

QuoteError
├── DeviceError             an operating system call failed; `status` is its errno
│   ├── DeviceMissingError  this machine has no such interface, or nobody serves it
│   ├── DeviceAccessError   this process may not use it, or its path is too long
│   └── DeviceBusyError     still busy after the last attempt, or out of time
├── ServiceError            the quoting service refused; `status` is its error code
└── ProtocolError           the answer breaks a rule; `status` is the size or field value that broke it
"""

from __future__ import annotations

import errno


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


class ServiceError(QuoteError):
    """The quoting service refused; `status` is its error code (0x12001 to 0x12007 in `qgs_msg_lib.h`)."""

    @staticmethod
    def describe(status: int) -> str:
        """Return a code of the quoting service as its header writes it."""
        return f"0x{status:05x}"


class ProtocolError(QuoteError):
    """The answer breaks a rule of its protocol; `status` is the size or field value that broke it."""

    @staticmethod
    def describe(status: int) -> str:
        """Return the value that was refused."""
        return f"refused value {status}"


_CLASSES: dict[int, type[DeviceError]] = {
    **dict.fromkeys((errno.ENOENT, errno.ENOTDIR, errno.ENXIO, errno.ENODEV, errno.ECONNREFUSED), DeviceMissingError),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ELOOP), DeviceAccessError),
    **dict.fromkeys((errno.EBUSY, errno.EAGAIN, errno.EINTR, errno.ETIMEDOUT), DeviceBusyError),
}


def device_error(step: str, status: int) -> DeviceError:
    """Build the error of the class that an errno belongs to."""
    return _CLASSES.get(status, DeviceError)(step, status)
