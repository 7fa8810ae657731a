# One quote from the quoting service (QGS): a frame is the size of a message, u32 big endian, and the message,
# packed and little endian. Layout and names: qgs_msg_lib.h 1.1 of Intel's DCAP.
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t
from libc.string cimport memcpy

from quote_ext.result cimport (
    KIND_ERRNO,
    KIND_FORM,
    KIND_SERVICE,
    MAX_QUOTE_SIZE,
    MIN_QUOTE_SIZE,
    STEP_ERROR_CODE,
    STEP_FRAME_SIZE,
    STEP_ID_SIZE,
    STEP_MAJOR_VERSION,
    STEP_MESSAGE_SIZE,
    STEP_MESSAGE_TYPE,
    STEP_QUOTE_SIZE,
    STEP_RECEIVE,
    STEP_SEND,
    STEP_TRAILING,
    TD_REPORT_SIZE,
    Failure,
    Quote,
    fail,
)
from quote_ext.stream cimport receive_exactly, recv, send_all

cdef extern from "<endian.h>" nogil:
    uint32_t htobe32(uint32_t host_32bits)
    uint32_t be32toh(uint32_t big_endian_32bits)
    uint16_t htole16(uint16_t host_16bits)
    uint32_t htole32(uint32_t host_32bits)
    uint16_t le16toh(uint16_t little_endian_16bits)
    uint32_t le32toh(uint32_t little_endian_32bits)

cdef enum:
    QGS_MSG_LIB_MAJOR_VER = 1
    QGS_MSG_LIB_MINOR_VER = 1
    GET_QUOTE_REQ = 0
    GET_QUOTE_RESP = 1
    SELECTED_ID_SIZE = 16    # tdx_uuid_t; the service leaves it out where the request named no list

cdef packed struct qgs_msg_header_t:
    uint16_t major_version
    uint16_t minor_version
    uint32_t type
    uint32_t size
    uint32_t error_code

cdef packed struct qgs_msg_get_quote_req_t:
    qgs_msg_header_t header
    uint32_t report_size
    uint32_t id_list_size
    uint8_t report[TD_REPORT_SIZE]

cdef packed struct qgs_msg_get_quote_resp_t:
    qgs_msg_header_t header
    uint32_t selected_id_size
    uint32_t quote_size

cdef packed struct Request:
    uint32_t frame_size
    qgs_msg_get_quote_req_t message

cdef enum:
    MAX_RESPONSE_SIZE = 24 + SELECTED_ID_SIZE + MAX_QUOTE_SIZE    # 24 is sizeof(qgs_msg_get_quote_resp_t)


cdef inline int exchange(
    int fd, const uint8_t *td_report, int64_t deadline_ns, Quote *quote, Failure *failure
) noexcept nogil:
    """Send one TDREPORT over a connected stream of any family and receive the quote; `fd` stays open."""
    cdef Request request
    fill_request(&request, td_report)
    if send_all(fd, <const uint8_t *>&request, sizeof(request), deadline_ns, STEP_SEND, failure) < 0:
        return -1
    return receive_quote(fd, deadline_ns, quote, failure)


cdef inline void fill_request(Request *request, const uint8_t *td_report) noexcept nogil:
    request.frame_size = htobe32(sizeof(request.message))
    request.message.header.major_version = htole16(QGS_MSG_LIB_MAJOR_VER)
    request.message.header.minor_version = htole16(QGS_MSG_LIB_MINOR_VER)
    request.message.header.type = htole32(GET_QUOTE_REQ)
    request.message.header.size = htole32(sizeof(request.message))
    request.message.header.error_code = 0
    request.message.report_size = htole32(TD_REPORT_SIZE)
    request.message.id_list_size = 0
    memcpy(request.message.report, td_report, TD_REPORT_SIZE)


cdef inline int receive_quote(int fd, int64_t deadline_ns, Quote *quote, Failure *failure) noexcept nogil:
    """Receive one frame into the quote's buffer, which holds the largest that is accepted."""
    cdef uint32_t size = 0
    if receive_exactly(fd, <uint8_t *>&size, sizeof(size), deadline_ns, failure) < 0:
        return -1
    size = be32toh(size)
    if size < sizeof(qgs_msg_get_quote_resp_t) or size > MAX_RESPONSE_SIZE or size > quote.capacity:
        return fail(failure, STEP_FRAME_SIZE, KIND_FORM, size)
    if receive_exactly(fd, quote.buffer, size, deadline_ns, failure) < 0:
        return -1
    if check_response(size, quote, failure) < 0:
        return -1
    return refuse_more(fd, failure)


cdef inline int check_response(uint32_t size, Quote *quote, Failure *failure) noexcept nogil:
    """Check each field of a whole message; only the major version must match, as the library itself has it."""
    cdef qgs_msg_get_quote_resp_t response
    cdef uint32_t id_size, quote_size
    memcpy(&response, quote.buffer, sizeof(response))
    if le16toh(response.header.major_version) != QGS_MSG_LIB_MAJOR_VER:
        return fail(failure, STEP_MAJOR_VERSION, KIND_FORM, le16toh(response.header.major_version))
    if le32toh(response.header.type) != GET_QUOTE_RESP:
        return fail(failure, STEP_MESSAGE_TYPE, KIND_FORM, le32toh(response.header.type))
    if le32toh(response.header.size) != size:
        return fail(failure, STEP_MESSAGE_SIZE, KIND_FORM, le32toh(response.header.size))
    if response.header.error_code != 0:
        return fail(failure, STEP_ERROR_CODE, KIND_SERVICE, le32toh(response.header.error_code))
    id_size, quote_size = le32toh(response.selected_id_size), le32toh(response.quote_size)
    if id_size != 0 and id_size != SELECTED_ID_SIZE:
        return fail(failure, STEP_ID_SIZE, KIND_FORM, id_size)
    if quote_size < MIN_QUOTE_SIZE or quote_size > MAX_QUOTE_SIZE or sizeof(response) + id_size + quote_size != size:
        return fail(failure, STEP_QUOTE_SIZE, KIND_FORM, quote_size)
    quote.offset = sizeof(response) + id_size
    quote.size = quote_size
    return 0


cdef inline int refuse_more(int fd, Failure *failure) noexcept nogil:
    """Refuse what already stands behind the frame; a service that stays silent is not waited for."""
    cdef uint8_t byte
    cdef ssize_t count = recv(fd, &byte, sizeof(byte), 0)
    if count > 0:
        return fail(failure, STEP_TRAILING, KIND_FORM, count)
    if count < 0 and errno != EAGAIN and errno != EINTR:
        return fail(failure, STEP_RECEIVE, KIND_ERRNO, errno)
    return 0
