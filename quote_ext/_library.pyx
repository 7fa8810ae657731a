# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, binding=False
"""libtdx_attest, one function for each of its own. What waits, waits without the GIL."""

from libc.stdint cimport uint8_t, uint64_t
from libc.stdlib cimport free

from quote_ext.library cimport dlclose, extend_through_library, open_library, quote_of_library
from quote_ext.result cimport DIGEST_SIZE, MAX_QUOTE_SIZE, REPORT_DATA_SIZE

include "arguments.pxi"


def library_quote(bytes report_data not None, library not None):
    """Return the quote over 64 bytes of report data that libtdx_attest gives.

    `library` is a path, or a name for the dynamic linker (libtdx_attest.so.1). It asks by ways of its own, and may
    wait 30 s for a busy device. Does not look into the quote.

    Raises:
        DeviceMissingError: the library cannot be loaded (ELIBACC), or is another one (ELIBBAD).
        LibraryError: it refused; `status` is its tdx_attest_error_t.
        ProtocolError: a quote under 1020 bytes or over 32 KiB.
        ValueError: report data of another size.
    """
    cdef bytes name = encode_path(library)
    cdef const char *c_name = name
    cdef const uint8_t *c_report_data = report_data
    cdef Quote quote
    cdef Failure failure
    cdef void *handle
    cdef int result = -1
    require_size("report_data", report_data, REPORT_DATA_SIZE)
    allocate(&quote, MAX_QUOTE_SIZE)
    try:
        with nogil:
            handle = open_library(c_name, &failure)
            if handle != NULL:
                result = quote_of_library(handle, c_report_data, &quote, &failure)
                dlclose(handle)
        if result < 0:
            raise error_of(&failure)
        return quote.buffer[quote.offset : quote.offset + quote.size]
    finally:
        free(quote.buffer)


def library_extend(bytes digest not None, library not None, *, uint64_t index):
    """Extend RTMR[index] by 48 bytes through libtdx_attest; errors as for `library_quote`."""
    cdef bytes name = encode_path(library)
    cdef const char *c_name = name
    cdef const uint8_t *c_digest = digest
    cdef Failure failure
    cdef void *handle
    cdef int result = -1
    require_size("digest", digest, DIGEST_SIZE)
    with nogil:
        handle = open_library(c_name, &failure)
        if handle != NULL:
            result = extend_through_library(handle, c_digest, index, &failure)
            dlclose(handle)
    if result < 0:
        raise error_of(&failure)


def require_library(library not None):
    """Raise DeviceMissingError where a library cannot be loaded; asks it nothing."""
    cdef bytes name = encode_path(library)
    cdef const char *c_name = name
    cdef Failure failure
    cdef void *handle
    with nogil:
        handle = open_library(c_name, &failure)
        if handle != NULL:
            dlclose(handle)
    if handle == NULL:
        raise error_of(&failure)
