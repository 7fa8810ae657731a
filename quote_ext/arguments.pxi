# Included by every module: what is done with arguments, and with a failure.
import math
import os

from libc.stdint cimport uint8_t
from libc.stdlib cimport malloc

from quote_ext.result cimport Failure, Quote

from quote_ext.errors import quote_error

MAX_WAIT_S = 3600.0


cdef inline bytes encode_path(path):
    cdef bytes encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ValueError("embedded null byte in a path")
    return encoded


cdef inline int require_size(str name, bytes value, Py_ssize_t size) except -1:
    if len(value) != size:
        raise ValueError(f"{name} must have {size} bytes, got {len(value)}")
    return 0


cdef inline int require_range(str name, double value, double least, double most) except -1:
    if math.isnan(value) or not least <= value <= most:
        raise ValueError(f"{name} must be from {least} to {most}, got {value}")
    return 0


cdef inline int allocate(Quote *quote, size_t capacity) except -1:
    quote.buffer = <uint8_t *>malloc(capacity)
    if quote.buffer == NULL:
        raise MemoryError
    quote.capacity = capacity
    quote.offset = 0
    quote.size = 0
    return 0


cdef inline object error_of(const Failure *failure):
    return quote_error(<int>failure.kind, <int>failure.step, failure.status)
