# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, binding=False
"""Quotes through configfs-tsm. What waits, waits without the GIL; bytes are copied once."""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdlib cimport free
from posix.time cimport nanosleep, timespec
from posix.types cimport time_t

from quote_ext.configfs cimport attempt_quote
from quote_ext.result cimport KIND_ERRNO, MAX_QUOTE_SIZE, REPORT_DATA_SIZE, STEP_ENTRY
from quote_ext.stream cimport NS_PER_S

include "arguments.pxi"


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
    cdef Failure failure = Failure(STEP_ENTRY, KIND_ERRNO, 0, False)
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


cdef void pause(double seconds) noexcept nogil:
    """Sleep; a signal ends it early, and the caller looks at signals next."""
    cdef timespec duration
    duration.tv_sec = <time_t>seconds
    duration.tv_nsec = <long>((seconds - <double>duration.tv_sec) * NS_PER_S)
    nanosleep(&duration, NULL)
