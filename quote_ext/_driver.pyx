# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, binding=False
"""The ioctls of a TDX guest's device, one function each. What waits, waits without the GIL."""

from libc.errno cimport errno
from libc.stdint cimport uint8_t
from libc.stdlib cimport free
from posix.fcntl cimport O_CLOEXEC, O_RDWR, O_SYNC, open
from posix.unistd cimport close

from quote_ext.driver cimport extend_register, get_quote, get_report
from quote_ext.qgs cimport MAX_RESPONSE_SIZE
from quote_ext.result cimport DIGEST_SIZE, KIND_ERRNO, REPORT_DATA_SIZE, STEP_DEVICE, TD_REPORT_SIZE, fail

include "arguments.pxi"


def driver_report(bytes report_data not None, device not None):
    """Return a TDREPORT of 1024 bytes over 64 bytes of report data, made by the TDX module.

    Linux's own request is made first, then those of trees for TDX 1.0. Does not look into the report.

    Raises:
        DeviceMissingError: no such device, or one without any of these requests (ENOTTY).
        DeviceAccessError: this process may not open it.
        DeviceBusyError: interrupted, or busy.
        DeviceError: another errno.
        ValueError: report data of another size.
    """
    cdef bytes path = encode_path(device)
    cdef const char *c_path = path
    cdef const uint8_t *c_report_data = report_data
    cdef uint8_t td_report[TD_REPORT_SIZE]
    cdef Failure failure
    cdef int fd
    cdef int result = -1
    require_size("report_data", report_data, REPORT_DATA_SIZE)
    with nogil:
        fd = open_device(c_path, &failure)
        if fd >= 0:
            result = get_report(fd, c_report_data, td_report, &failure)
            close(fd)
    if result < 0:
        raise error_of(&failure)
    return td_report[:TD_REPORT_SIZE]


def driver_quote(bytes td_report not None, device not None):
    """Return the quote that the host makes of a TDREPORT of 1024 bytes, asked through a vendor's kernel.

    The request's three numbers are tried while the device answers ENOTTY. The kernel waits for the host without a
    limit that could be set here. Does not look into the quote.

    Raises:
        DeviceMissingError: no such device, or one that cannot ask for quotes (ENOTTY), as Linux' own.
        DeviceAccessError: this process may not open it.
        DeviceBusyError: interrupted, or busy.
        DeviceError: another errno.
        HostError: the host refused, or has no quoting service.
        ServiceError: the quoting service answered with an error code.
        ProtocolError: the answer is not one whole, well-formed message.
        ValueError: a report of another size.
    """
    cdef bytes path = encode_path(device)
    cdef const char *c_path = path
    cdef const uint8_t *c_td_report = td_report
    cdef Quote quote
    cdef Failure failure
    cdef int fd
    cdef int result = -1
    require_size("td_report", td_report, TD_REPORT_SIZE)
    allocate(&quote, MAX_RESPONSE_SIZE)
    try:
        with nogil:
            fd = open_device(c_path, &failure)
            if fd >= 0:
                result = get_quote(fd, c_td_report, &quote, &failure)
                close(fd)
        if result < 0:
            raise error_of(&failure)
        return quote.buffer[quote.offset : quote.offset + quote.size]
    finally:
        free(quote.buffer)


def driver_extend(bytes digest not None, device not None, *, uint8_t index):
    """Extend RTMR[index] by 48 bytes, through a vendor's kernel; Intel's refuses 0 and 1 (EPERM).

    Raises:
        DeviceMissingError: no such device, or one that cannot extend (ENOTTY), as Linux' own and Anolis 5.10's.
        DeviceAccessError: this process may not open it, or this register may not be extended.
        DeviceError: another errno; EINVAL for a register that is not there.
        ValueError: a digest of another size.
    """
    cdef bytes path = encode_path(device)
    cdef const char *c_path = path
    cdef const uint8_t *c_digest = digest
    cdef Failure failure
    cdef int fd
    cdef int result = -1
    require_size("digest", digest, DIGEST_SIZE)
    with nogil:
        fd = open_device(c_path, &failure)
        if fd >= 0:
            result = extend_register(fd, c_digest, index, &failure)
            close(fd)
    if result < 0:
        raise error_of(&failure)


cdef int open_device(const char *path, Failure *failure) noexcept nogil:
    cdef int fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC)
    return fail(failure, STEP_DEVICE, KIND_ERRNO, errno) if fd < 0 else fd
