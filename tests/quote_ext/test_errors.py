from __future__ import annotations

import errno

import pytest

from quote_ext import errors


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (errno.ENOENT, errors.DeviceMissingError),
        (errno.ENXIO, errors.DeviceMissingError),
        (errno.ECONNREFUSED, errors.DeviceMissingError),
        (errno.EACCES, errors.DeviceAccessError),
        (errno.EROFS, errors.DeviceAccessError),
        (errno.EBUSY, errors.DeviceBusyError),
        (errno.ETIMEDOUT, errors.DeviceBusyError),
        (errno.EIO, errors.DeviceError),
        (999_999, errors.DeviceError),
    ],
)
def test_errno_decides_the_class_and_is_kept(status: int, expected: type[errors.DeviceError]) -> None:
    error = errors.device_error("outblob", status)
    assert (type(error), error.step, error.status) == (expected, "outblob", status)


def test_every_error_says_step_and_number_in_words() -> None:
    assert str(errors.device_error("inblob", errno.EACCES)) == "inblob: EACCES (13)"
    assert str(errors.ServiceError("error code", 0x12001)) == "error code: UNEXPECTED (0x12001)"
    assert str(errors.ProtocolError("outblob", 0)) == "outblob: refused value 0"
