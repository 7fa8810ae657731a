# libtdx_attest, opened when it is asked for: its functions by the names and prototypes of tdx_attest.h.
from libc.errno cimport ELIBACC, ELIBBAD
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from quote_ext.result cimport (
    DIGEST_SIZE,
    KIND_ERRNO,
    KIND_FORM,
    KIND_LIBRARY,
    MAX_QUOTE_SIZE,
    MIN_QUOTE_SIZE,
    REPORT_DATA_SIZE,
    STEP_LIBRARY,
    STEP_QUOTE_SIZE,
    STEP_SYMBOL,
    STEP_TDX_ATT_EXTEND,
    STEP_TDX_ATT_GET_QUOTE,
    Failure,
    Quote,
    fail,
)

cdef extern from "<dlfcn.h>" nogil:
    enum:
        RTLD_NOW
        RTLD_LOCAL
    void *dlopen(const char *filename, int flags)
    void *dlsym(void *handle, const char *symbol)
    int dlclose(void *handle)

cdef extern from "tdx_attest.h" nogil:
    ctypedef enum tdx_attest_error_t:
        TDX_ATTEST_SUCCESS
    ctypedef struct tdx_uuid_t:
        uint8_t d[16]
    ctypedef struct tdx_report_data_t:
        uint8_t d[64]
    ctypedef struct tdx_rtmr_event_t:
        uint32_t version
        uint64_t rtmr_index
        uint8_t extend_data[48]
        uint32_t event_type
        uint32_t event_data_size

ctypedef tdx_attest_error_t (*get_quote_t)(
    const tdx_report_data_t *p_tdx_report_data,
    const tdx_uuid_t *att_key_id_list,
    uint32_t list_size,
    tdx_uuid_t *p_att_key_id,
    uint8_t **pp_quote,
    uint32_t *p_quote_size,
    uint32_t flags,
) noexcept nogil
ctypedef tdx_attest_error_t (*free_quote_t)(uint8_t *p_quote) noexcept nogil
ctypedef tdx_attest_error_t (*extend_t)(const tdx_rtmr_event_t *p_rtmr_event) noexcept nogil

cdef enum:
    RTMR_EVENT_VERSION = 1


cdef inline void *open_library(const char *name, Failure *failure) noexcept nogil:
    """Return a handle for dlclose(), or NULL with ELIBACC: what dlerror() says is text, not a number."""
    cdef void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL)
    if library == NULL:
        fail(failure, STEP_LIBRARY, KIND_ERRNO, ELIBACC)
    return library


cdef inline void *find(void *library, const char *symbol, Failure *failure) noexcept nogil:
    cdef void *function = dlsym(library, symbol)
    if function == NULL:
        fail(failure, STEP_SYMBOL, KIND_ERRNO, ELIBBAD)
    return function


cdef inline int quote_of_library(
    void *library, const uint8_t *report_data, Quote *quote, Failure *failure
) noexcept nogil:
    """Ask for a quote by the only kind of key there is, copy it, and give the library's buffer back."""
    cdef get_quote_t get_quote = <get_quote_t>find(library, b"tdx_att_get_quote", failure)
    cdef free_quote_t free_quote = <free_quote_t>find(library, b"tdx_att_free_quote", failure)
    cdef tdx_report_data_t data
    cdef tdx_attest_error_t status
    cdef uint8_t *made = NULL
    cdef uint32_t size = 0
    if get_quote == NULL or free_quote == NULL:
        return -1
    memcpy(data.d, report_data, REPORT_DATA_SIZE)
    status = get_quote(&data, NULL, 0, NULL, &made, &size, 0)
    if status != TDX_ATTEST_SUCCESS:
        return fail(failure, STEP_TDX_ATT_GET_QUOTE, KIND_LIBRARY, <int>status)
    if made == NULL:
        return fail(failure, STEP_QUOTE_SIZE, KIND_FORM, 0)
    if MIN_QUOTE_SIZE <= size <= MAX_QUOTE_SIZE:
        memcpy(quote.buffer, made, size)
        quote.offset, quote.size = 0, size
    free_quote(made)
    return 0 if quote.size != 0 else fail(failure, STEP_QUOTE_SIZE, KIND_FORM, size)


cdef inline int extend_through_library(
    void *library, const uint8_t *digest, uint64_t index, Failure *failure
) noexcept nogil:
    """Extend by a digest without an event's data: the library keeps no log."""
    cdef extend_t extend = <extend_t>find(library, b"tdx_att_extend", failure)
    cdef tdx_rtmr_event_t event
    cdef tdx_attest_error_t status
    if extend == NULL:
        return -1
    memset(&event, 0, sizeof(event))
    event.version = RTMR_EVENT_VERSION
    event.rtmr_index = index
    memcpy(event.extend_data, digest, DIGEST_SIZE)
    status = extend(&event)
    return 0 if status == TDX_ATTEST_SUCCESS else fail(failure, STEP_TDX_ATT_EXTEND, KIND_LIBRARY, <int>status)
