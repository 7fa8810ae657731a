# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, binding=False
"""Quotes from the quoting service (QGS), over a Unix socket and over vsock. What waits, waits without the GIL."""

from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free
from posix.unistd cimport close

from quote_ext.qgs cimport MAX_RESPONSE_SIZE, exchange
from quote_ext.result cimport TD_REPORT_SIZE
from quote_ext.stream cimport NS_PER_S, connect_unix, connect_vsock, monotonic_ns

include "arguments.pxi"


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
    cdef int result
    require_size("td_report", td_report, TD_REPORT_SIZE)
    require_range("timeout_s", timeout_s, 0.001, MAX_WAIT_S)
    allocate(&quote, MAX_RESPONSE_SIZE)
    try:
        with nogil:
            deadline_ns = monotonic_ns() + <int64_t>(timeout_s * NS_PER_S)
            result = exchange_on(connect_unix(c_path, deadline_ns, &failure), c_td_report, deadline_ns, &quote, &failure)
        if result < 0:
            raise error_of(&failure)
        return quote.buffer[quote.offset : quote.offset + quote.size]
    finally:
        free(quote.buffer)


def vsock_quote(bytes td_report not None, *, uint32_t cid, uint32_t port, double timeout_s):
    """Return the quote that the quoting service on a vsock makes of a TDREPORT of 1024 bytes.

    `cid` is 2 for the host (VMADDR_CID_HOST), `port` commonly 4050. Everything else as for `qgs_quote`;
    DeviceMissingError with EAFNOSUPPORT or ENODEV where this machine has no vsock.
    """
    cdef const uint8_t *c_td_report = td_report
    cdef Quote quote
    cdef Failure failure
    cdef int64_t deadline_ns
    cdef int result
    require_size("td_report", td_report, TD_REPORT_SIZE)
    require_range("timeout_s", timeout_s, 0.001, MAX_WAIT_S)
    allocate(&quote, MAX_RESPONSE_SIZE)
    try:
        with nogil:
            deadline_ns = monotonic_ns() + <int64_t>(timeout_s * NS_PER_S)
            result = exchange_on(connect_vsock(cid, port, deadline_ns, &failure), c_td_report, deadline_ns, &quote, &failure)
        if result < 0:
            raise error_of(&failure)
        return quote.buffer[quote.offset : quote.offset + quote.size]
    finally:
        free(quote.buffer)


cdef int exchange_on(
    int fd, const uint8_t *td_report, int64_t deadline_ns, Quote *quote, Failure *failure
) noexcept nogil:
    """Exchange on a stream that was just opened, and close it; a negative `fd` has its failure already."""
    cdef int result
    if fd < 0:
        return -1
    result = exchange(fd, td_report, deadline_ns, quote, failure)
    close(fd)
    return result
