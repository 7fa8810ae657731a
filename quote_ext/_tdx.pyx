# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, binding=False
"""The ways to a quote, one function each. What waits, waits without the GIL; bytes are copied once."""

import math
import os

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc
from posix.time cimport nanosleep, timespec
from posix.types cimport time_t
from posix.unistd cimport close

from quote_ext.configfs cimport attempt_quote
from quote_ext.qgs cimport MAX_RESPONSE_SIZE, exchange
from quote_ext.result cimport (
    KIND_ERRNO,
    KIND_SERVICE,
    MAX_QUOTE_SIZE,
    REPORT_DATA_SIZE,
    TD_REPORT_SIZE,
    Failure,
    Quote,
)
from quote_ext.stream cimport NS_PER_S, connect_unix, monotonic_ns

from quote_ext.errors import ProtocolError, ServiceError, device_error

# In the order of `Step` in result.pxd.
STEPS = (
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
)
MAX_WAIT_S = 3600.0


def configfs_quote(bytes report_data not None, entry not None, *, int attempts=5, double retry_delay_s=1.0):
    """Return a quote over 64 bytes of report data, through a directory under `/sys/kernel/config/tsm/report`.

    An `entry` that is not there is created and removed again; one that stands there may be shared by several
    processes. A busy or interrupted device, and a write of another process in between, are tried again after
    `retry_delay_s`, `attempts` times in all; each attempt may last as long as the driver's own limit, 30 s.
    Does not look into the quote: the caller checks that it carries `report_data`.

    Raises:
        DeviceMissingError: no configfs-tsm here, or its provider is not a TDX guest.
        DeviceAccessError: this process may not use the entry.
        DeviceBusyError: still busy after the last attempt.
        DeviceError: another errno.
        ProtocolError: an outblob under 1020 bytes or over 32 KiB, or a generation that is not a number.
        ValueError: a size or number outside its range.
    """
    cdef bytes path = encode_path(entry)
    cdef const char *c_path = path
    cdef const uint8_t *c_report_data = report_data
    cdef Quote quote
    cdef Failure failure
    cdef int result = -1
    require_size("report_data", report_data, REPORT_DATA_SIZE)
    require_range("attempts", attempts, 1, 100)
    require_range("retry_delay_s", retry_delay_s, 0, MAX_WAIT_S)
    # One byte more than the limit tells a quote of exactly that size from a longer one.
    allocate(&quote, MAX_QUOTE_SIZE + 1)
    try:
        while True:
            attempts -= 1
            with nogil:
                result = attempt_quote(c_path, c_report_data, &quote, &failure)
                if result < 0 and failure.may_pass and attempts > 0:
                    pause(retry_delay_s)
            if result == 0:
                return quote.buffer[quote.offset : quote.offset + quote.size]
            if not failure.may_pass or attempts == 0:
                raise error_of(&failure)
            PyErr_CheckSignals()
    finally:
        free(quote.buffer)


def qgs_quote(bytes td_report not None, socket_path not None, *, double timeout_s):
    """Return the quote that the quoting service on a Unix socket makes of a TDREPORT of 1024 bytes.

    `timeout_s` is for everything together: connecting, sending and receiving.
    Does not look into the quote: the caller checks that it carries the report data of `td_report`.

    Raises:
        DeviceMissingError: no socket there, or nobody listens.
        DeviceAccessError: this process may not connect, or the path has more than 107 bytes.
        DeviceBusyError: `timeout_s` is over.
        DeviceError: another errno; ECONNRESET where the service closed before its answer was whole.
        ServiceError: the service answered with an error code.
        ProtocolError: the answer is not one whole, well-formed frame.
        ValueError: a size or number outside its range.
    """
    cdef bytes path = encode_path(socket_path)
    cdef const char *c_path = path
    cdef const uint8_t *c_td_report = td_report
    cdef Quote quote
    cdef Failure failure
    cdef int64_t deadline_ns
    cdef int fd
    cdef int result = -1
    require_size("td_report", td_report, TD_REPORT_SIZE)
    require_range("timeout_s", timeout_s, 0.001, MAX_WAIT_S)
    allocate(&quote, MAX_RESPONSE_SIZE)
    try:
        with nogil:
            deadline_ns = monotonic_ns() + <int64_t>(timeout_s * NS_PER_S)
            fd = connect_unix(c_path, deadline_ns, &failure)
            if fd >= 0:
                result = exchange(fd, c_td_report, deadline_ns, &quote, &failure)
                close(fd)
        if result < 0:
            raise error_of(&failure)
        return quote.buffer[quote.offset : quote.offset + quote.size]
    finally:
        free(quote.buffer)


cdef bytes encode_path(path):
    cdef bytes encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ValueError("embedded null byte in a path")
    return encoded


cdef int require_size(str name, bytes value, Py_ssize_t size) except -1:
    if len(value) != size:
        raise ValueError(f"{name} must have {size} bytes, got {len(value)}")
    return 0


cdef int require_range(str name, double value, double least, double most) except -1:
    if math.isnan(value) or not least <= value <= most:
        raise ValueError(f"{name} must be from {least} to {most}, got {value}")
    return 0


cdef int allocate(Quote *quote, size_t capacity) except -1:
    quote.buffer = <uint8_t *>malloc(capacity)
    if quote.buffer == NULL:
        raise MemoryError
    quote.capacity = capacity
    quote.offset = 0
    quote.size = 0
    return 0


cdef void pause(double seconds) noexcept nogil:
    """Sleep; a signal ends it early, and the caller looks at signals next."""
    cdef timespec duration
    duration.tv_sec = <time_t>seconds
    duration.tv_nsec = <long>((seconds - <double>duration.tv_sec) * NS_PER_S)
    nanosleep(&duration, NULL)


cdef object error_of(const Failure *failure):
    step = STEPS[<int>failure.step]
    if failure.kind == KIND_ERRNO:
        return device_error(step, failure.status)
    if failure.kind == KIND_SERVICE:
        return ServiceError(step, failure.status)
    return ProtocolError(step, failure.status)
