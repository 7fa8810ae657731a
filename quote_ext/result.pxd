# What every way to a quote gives back: bytes in a buffer, or one failure with its number.
from libc.errno cimport EAGAIN, EBUSY, EINTR, ETIMEDOUT
from libc.stdint cimport int64_t, uint8_t

cdef enum:
    REPORT_DATA_SIZE = 64    # tdx_report_data_t in tdx_attest.h
    TD_REPORT_SIZE = 1024    # tdx_report_t in tdx_attest.h
    DIGEST_SIZE = 48         # SHA-384, what a register is extended by
    # A quote is longer than a TDREPORT's fields: header 48, body 584, signature data with two keys and a
    # QE report; libtdx_attest takes 1020 bytes and less for a failed quote.
    MIN_QUOTE_SIZE = 1020
    MAX_QUOTE_SIZE = 32768   # TSM_REPORT_OUTBLOB_MAX in linux/tsm.h

# Where it happened. The order is that of _STEPS in errors.py.
cdef enum Step:
    STEP_ENTRY
    STEP_PROVIDER
    STEP_LOCK
    STEP_INBLOB
    STEP_GENERATION
    STEP_OUTBLOB
    STEP_CONNECT
    STEP_SEND
    STEP_RECEIVE
    STEP_FRAME_SIZE
    STEP_MAJOR_VERSION
    STEP_MESSAGE_TYPE
    STEP_MESSAGE_SIZE
    STEP_ERROR_CODE
    STEP_ID_SIZE
    STEP_QUOTE_SIZE
    STEP_TRAILING
    STEP_DEVICE
    STEP_GET_REPORT
    STEP_GET_QUOTE
    STEP_EXTEND_RTMR
    STEP_OUT_LEN
    STEP_LIBRARY
    STEP_SYMBOL
    STEP_TDX_ATT_GET_QUOTE
    STEP_TDX_ATT_EXTEND

# What `Failure.status` is: an errno, the code of a quoting service, a GetQuote status of the host, a
# tdx_attest_error_t, or a value that breaks a rule. The order is that of _KINDS in errors.py.
cdef enum Kind:
    KIND_ERRNO
    KIND_SERVICE
    KIND_HOST
    KIND_LIBRARY
    KIND_FORM

cdef struct Failure:
    Step step
    Kind kind
    int64_t status
    bint may_pass    # the same request may succeed a little later

# A buffer of `capacity` bytes; the quote is `size` bytes at `offset`.
cdef struct Quote:
    uint8_t *buffer
    size_t capacity
    size_t offset
    size_t size


cdef inline int fail(Failure *failure, Step step, Kind kind, int64_t status) noexcept nogil:
    """Fill in a failure; returns -1, so that a caller can return it."""
    failure.step = step
    failure.kind = kind
    failure.status = status
    failure.may_pass = kind == KIND_ERRNO and (
        status == EBUSY or status == EAGAIN or status == EINTR or status == ETIMEDOUT
    )
    return -1
