# A TDREPORT, a quote and an extension through the ioctls of a TDX guest's device (tdx_guest.h).
from libc.errno cimport ENOTTY, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from quote_ext.qgs cimport be32toh, check_response, fill_request, qgs_msg_get_quote_resp_t, Request
from quote_ext.result cimport (
    DIGEST_SIZE,
    KIND_ERRNO,
    KIND_FORM,
    KIND_HOST,
    REPORT_DATA_SIZE,
    STEP_EXTEND_RTMR,
    STEP_GET_QUOTE,
    STEP_GET_REPORT,
    STEP_OUT_LEN,
    TD_REPORT_SIZE,
    Failure,
    Quote,
    Step,
    fail,
)

cdef extern from "<sys/ioctl.h>" nogil:
    int ioctl(int fd, unsigned long request, ...)

cdef extern from "tdx_guest.h" nogil:
    struct tdx_report_req:
        uint8_t reportdata[64]
        uint8_t tdreport[1024]
    struct tdx10_report_req:
        uint8_t subtype
        uint64_t reportdata
        uint32_t rpd_len
        uint64_t tdreport
        uint32_t tdr_len
    struct tdx_extend_rtmr_req:
        uint8_t data[48]
        uint8_t index
    struct tdx_quote_req:
        uint64_t buf
        uint64_t len
    struct tdx_quote_hdr:
        uint64_t version
        uint64_t status
        uint32_t in_len
        uint32_t out_len
    unsigned long TDX_CMD_GET_REPORT0
    unsigned long TDX10_CMD_GET_REPORT
    unsigned long TDX_CMD_GET_QUOTE
    unsigned long TDX_V3_CMD_GET_QUOTE
    unsigned long TDX10_CMD_GET_QUOTE
    unsigned long TDX_CMD_EXTEND_RTMR
    unsigned long TDX_V3_CMD_EXTEND_RTMR
    uint64_t GET_QUOTE_SUCCESS

cdef enum:
    QUOTE_BUFFER_SIZE = 16384    # four pages, as libtdx_attest has it
    QUOTE_VERSION = 1
    FRAME_SIZE = 4               # the size of a message, u32 big endian
    TDREPORT_TYPE = 0x81         # REPORTTYPE.TYPE, the first byte of every TDREPORT


cdef inline int get_report(int fd, const uint8_t *report_data, uint8_t *td_report, Failure *failure) noexcept nogil:
    """Ask as Linux has it; a device that has no such request is asked as trees for TDX 1.0 had it."""
    cdef tdx_report_req request
    memset(&request, 0, sizeof(request))
    memcpy(request.reportdata, report_data, REPORT_DATA_SIZE)
    if ioctl(fd, TDX_CMD_GET_REPORT0, &request) == 0:
        memcpy(td_report, request.tdreport, TD_REPORT_SIZE)
        return 0
    if errno != ENOTTY:
        return fail(failure, STEP_GET_REPORT, KIND_ERRNO, errno)
    return get_report_of_tdx10(fd, report_data, td_report, failure)


cdef union Tdx10Argument:
    tdx10_report_req pointers
    uint8_t bytes[1024]


cdef inline int get_report_of_tdx10(
    int fd, const uint8_t *report_data, uint8_t *td_report, Failure *failure
) noexcept nogil:
    """Ask with pointers (`/dev/tdx-guest`); the oldest driver (`/dev/tdx-attest`) has data and report in one place.

    Both have the same number. The oldest takes the struct of pointers for report data, and writes a TDREPORT over
    it, for which there is room; it is recognised by the report that was not written where the pointer says.
    """
    cdef Tdx10Argument argument
    memset(&argument, 0, sizeof(argument))
    memset(td_report, 0, TD_REPORT_SIZE)
    argument.pointers.reportdata = <uint64_t><uintptr_t>report_data
    argument.pointers.rpd_len = REPORT_DATA_SIZE
    argument.pointers.tdreport = <uint64_t><uintptr_t>td_report
    argument.pointers.tdr_len = TD_REPORT_SIZE
    if ioctl(fd, TDX10_CMD_GET_REPORT, &argument) != 0:
        return fail(failure, STEP_GET_REPORT, KIND_ERRNO, errno)
    if td_report[0] == TDREPORT_TYPE:
        return 0
    memset(&argument, 0, sizeof(argument))
    memcpy(argument.bytes, report_data, REPORT_DATA_SIZE)
    if ioctl(fd, TDX10_CMD_GET_REPORT, &argument) != 0:
        return fail(failure, STEP_GET_REPORT, KIND_ERRNO, errno)
    memcpy(td_report, argument.bytes, TD_REPORT_SIZE)
    return 0


cdef packed struct QuoteBuffer:
    tdx_quote_hdr header
    Request request    # in its place, the response, in a frame of its own


cdef inline int get_quote(int fd, const uint8_t *td_report, Quote *quote, Failure *failure) noexcept nogil:
    """Ask the host through the kernel, which sleeps until the host has written its answer into the buffer."""
    cdef uint8_t *buffer = <uint8_t *>calloc(1, QUOTE_BUFFER_SIZE)
    cdef QuoteBuffer *asked = <QuoteBuffer *>buffer
    cdef tdx_quote_req request
    cdef unsigned long numbers[3]
    cdef int result
    if buffer == NULL:
        return fail(failure, STEP_GET_QUOTE, KIND_ERRNO, errno)
    asked.header.version = QUOTE_VERSION
    asked.header.in_len = sizeof(Request)
    fill_request(&asked.request, td_report)
    request.buf = <uint64_t><uintptr_t>buffer
    request.len = QUOTE_BUFFER_SIZE
    numbers[0], numbers[1], numbers[2] = TDX_CMD_GET_QUOTE, TDX_V3_CMD_GET_QUOTE, TDX10_CMD_GET_QUOTE
    result = ask(fd, numbers, 3, &request, STEP_GET_QUOTE, failure)
    if result == 0:
        result = take_response(buffer, quote, failure)
    free(buffer)
    return result


cdef inline int take_response(const uint8_t *buffer, Quote *quote, Failure *failure) noexcept nogil:
    """Check what the host wrote: its status, and two lengths that must agree."""
    cdef tdx_quote_hdr header
    cdef uint32_t size
    memcpy(&header, buffer, sizeof(header))
    memcpy(&size, buffer + sizeof(header), FRAME_SIZE)
    size = be32toh(size)
    if header.status != GET_QUOTE_SUCCESS:
        return fail(failure, STEP_GET_QUOTE, KIND_HOST, <int64_t>header.status)
    if header.out_len < FRAME_SIZE + sizeof(qgs_msg_get_quote_resp_t) or header.out_len - FRAME_SIZE != size:
        return fail(failure, STEP_OUT_LEN, KIND_FORM, header.out_len)
    if size > QUOTE_BUFFER_SIZE - sizeof(header) - FRAME_SIZE or size > quote.capacity:
        return fail(failure, STEP_OUT_LEN, KIND_FORM, header.out_len)
    memcpy(quote.buffer, buffer + sizeof(header) + FRAME_SIZE, size)
    return check_response(size, quote, failure)


cdef inline int extend_register(int fd, const uint8_t *digest, uint8_t index, Failure *failure) noexcept nogil:
    cdef tdx_extend_rtmr_req request
    cdef unsigned long numbers[2]
    memcpy(request.data, digest, DIGEST_SIZE)
    request.index = index
    numbers[0], numbers[1] = TDX_CMD_EXTEND_RTMR, TDX_V3_CMD_EXTEND_RTMR
    return ask(fd, numbers, 2, &request, STEP_EXTEND_RTMR, failure)


cdef inline int ask(
    int fd, const unsigned long *numbers, int count, void *argument, Step step, Failure *failure
) noexcept nogil:
    """Make one request under each of its numbers, for as long as the device has none of the kind."""
    cdef int i
    for i in range(count):
        if ioctl(fd, numbers[i], argument) == 0:
            return 0
        if errno != ENOTTY:
            break
    return fail(failure, step, KIND_ERRNO, errno)
