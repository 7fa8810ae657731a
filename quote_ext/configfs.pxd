# One quote through configfs-tsm: Documentation/ABI/testing/configfs-tsm-report, drivers/virt/coco/guest/report.c
# and fs/configfs/file.c of Linux (6.7 and later).
from libc.errno cimport EAGAIN, EBUSY, EEXIST, EINTR, EIO, ENODEV, ENOENT, errno
from libc.stdint cimport UINT64_MAX, uint8_t, uint64_t
from libc.string cimport memcmp
from posix.fcntl cimport O_CLOEXEC, O_DIRECTORY, O_RDONLY, O_WRONLY, open, openat
from posix.stat cimport mkdir
from posix.unistd cimport close, read, rmdir, usleep, write

from quote_ext.result cimport (
    KIND_ERRNO,
    KIND_FORM,
    MAX_QUOTE_SIZE,
    MIN_QUOTE_SIZE,
    REPORT_DATA_SIZE,
    STEP_ENTRY,
    STEP_GENERATION,
    STEP_INBLOB,
    STEP_LOCK,
    STEP_OUTBLOB,
    STEP_PROVIDER,
    Failure,
    Quote,
    Step,
    fail,
)

cdef extern from "<fcntl.h>" nogil:
    int O_PATH

cdef extern from "<sys/file.h>" nogil:
    enum:
        LOCK_EX
        LOCK_NB
    int flock(int fd, int operation)

cdef enum:
    ENTRY_MODE = 0o700
    ATTRIBUTE_SIZE = 64          # `provider` is a short name, `generation` at most 20 digits
    PROVIDER_SIZE = 9
    LOCK_PAUSE_US = 10_000
    LOCK_ATTEMPTS = 3_000        # 30 s, the longest that the driver itself waits for a quote
    LARGEST_DIGIT = 9


cdef inline int attempt_quote(const char *entry, const uint8_t *report_data, Quote *quote, Failure *failure) noexcept nogil:
    """Ask once through the directory `entry`; one that is not there is created, and removed afterwards."""
    cdef bint is_fresh = mkdir(entry, ENTRY_MODE) == 0
    cdef int directory
    cdef int result = -1
    if not is_fresh and errno != EEXIST:
        return fail(failure, STEP_ENTRY, KIND_ERRNO, errno)
    directory = open(entry, O_PATH | O_DIRECTORY | O_CLOEXEC)
    if directory < 0:
        fail(failure, STEP_ENTRY, KIND_ERRNO, errno)
    else:
        result = quote_through(directory, is_fresh, report_data, quote, failure)
        close(directory)
    if is_fresh:
        # An entry that stays behind is found and used as a shared one by the next attempt.
        rmdir(entry)
    elif result < 0 and failure.kind == KIND_ERRNO and failure.status == ENOENT:
        # Another process removed the entry that it had made.
        failure.may_pass = True
    return result


cdef inline int quote_through(
    int directory, bint is_fresh, const uint8_t *report_data, Quote *quote, Failure *failure
) noexcept nogil:
    """Check the provider, then hold the lock that everyone who shares this entry takes (as libtdx_attest does)."""
    cdef int lock
    cdef int result = -1
    if check_provider(directory, failure) < 0:
        return -1
    # Closing a descriptor that was never written to commits nothing: the lock is not the request.
    lock = openat(directory, b"inblob", O_WRONLY | O_CLOEXEC)
    if lock < 0:
        return fail(failure, STEP_INBLOB, KIND_ERRNO, errno)
    if take_lock(lock, failure) == 0:
        result = quote_between_generations(directory, is_fresh, report_data, quote, failure)
    close(lock)
    return result


cdef inline int check_provider(int directory, Failure *failure) noexcept nogil:
    cdef uint8_t name[ATTRIBUTE_SIZE]
    cdef ssize_t size = read_attribute(directory, b"provider", name, sizeof(name), STEP_PROVIDER, failure)
    if size < 0:
        return -1
    if size < PROVIDER_SIZE or memcmp(name, b"tdx_guest", PROVIDER_SIZE) != 0:
        return fail(failure, STEP_PROVIDER, KIND_ERRNO, ENODEV)
    return 0


cdef inline int take_lock(int fd, Failure *failure) noexcept nogil:
    for _ in range(LOCK_ATTEMPTS):
        if flock(fd, LOCK_EX | LOCK_NB) == 0:
            return 0
        if errno != EAGAIN and errno != EINTR:
            return fail(failure, STEP_LOCK, KIND_ERRNO, errno)
        usleep(LOCK_PAUSE_US)
    return fail(failure, STEP_LOCK, KIND_ERRNO, EAGAIN)


cdef inline int quote_between_generations(
    int directory, bint is_fresh, const uint8_t *report_data, Quote *quote, Failure *failure
) noexcept nogil:
    """Write, then read between two looks at `generation`: both must show this one write and no other.

    A fresh entry must be at 1, its first write; a shared one at one more than it was.
    """
    cdef uint64_t before = 0
    if not is_fresh and read_generation(directory, &before, failure) < 0:
        return -1
    if write_inblob(directory, report_data, failure) < 0:
        return -1
    if expect_generation(directory, before + 1, failure) < 0:
        return -1
    if read_outblob(directory, quote, failure) < 0:
        return -1
    return expect_generation(directory, before + 1, failure)


cdef inline int write_inblob(int directory, const uint8_t *report_data, Failure *failure) noexcept nogil:
    """Write the request in one call; it is committed by close(), whose result says nothing."""
    cdef int fd = openat(directory, b"inblob", O_WRONLY | O_CLOEXEC)
    cdef ssize_t written
    cdef int error
    if fd < 0:
        return fail(failure, STEP_INBLOB, KIND_ERRNO, errno)
    written = write(fd, report_data, REPORT_DATA_SIZE)
    error = errno
    close(fd)
    if written < 0:
        return fail(failure, STEP_INBLOB, KIND_ERRNO, error)
    if written != REPORT_DATA_SIZE:
        return fail(failure, STEP_INBLOB, KIND_ERRNO, EIO)
    return 0


cdef inline int expect_generation(int directory, uint64_t expected, Failure *failure) noexcept nogil:
    cdef uint64_t generation = 0
    if read_generation(directory, &generation, failure) < 0:
        return -1
    if generation != expected:
        return fail(failure, STEP_GENERATION, KIND_ERRNO, EBUSY)
    return 0


cdef inline int read_generation(int directory, uint64_t *generation, Failure *failure) noexcept nogil:
    """Read a decimal number of 64 bits and the line's end."""
    cdef uint8_t text[ATTRIBUTE_SIZE]
    cdef uint64_t value = 0
    cdef ssize_t i
    cdef uint8_t digit
    cdef ssize_t size = read_attribute(directory, b"generation", text, sizeof(text), STEP_GENERATION, failure)
    if size < 0:
        return -1
    if size > 0 and text[size - 1] == c"\n":
        size -= 1
    if size == 0:
        return fail(failure, STEP_GENERATION, KIND_FORM, size)
    for i in range(size):
        digit = text[i] - c"0"
        if digit > LARGEST_DIGIT or value > (UINT64_MAX - digit) // 10:
            return fail(failure, STEP_GENERATION, KIND_FORM, text[i])
        value = value * 10 + digit
    generation[0] = value
    return 0


cdef inline int read_outblob(int directory, Quote *quote, Failure *failure) noexcept nogil:
    """Read the quote through a new descriptor; the kernel makes it during the first read.

    A quote that timed out inside the kernel can read as empty, so a short one is a failure.
    """
    cdef ssize_t size = read_attribute(directory, b"outblob", quote.buffer, quote.capacity, STEP_OUTBLOB, failure)
    if size < 0:
        return -1
    if size < MIN_QUOTE_SIZE or size > MAX_QUOTE_SIZE:
        return fail(failure, STEP_OUTBLOB, KIND_FORM, size)
    quote.offset = 0
    quote.size = <size_t>size
    return 0


cdef inline ssize_t read_attribute(
    int directory, const char *name, uint8_t *buffer, size_t capacity, Step step, Failure *failure
) noexcept nogil:
    """Read a whole attribute through a descriptor of its own; one that fills the buffer is longer than its limit."""
    cdef int fd = openat(directory, name, O_RDONLY | O_CLOEXEC)
    cdef size_t size = 0
    cdef ssize_t count
    cdef int error
    if fd < 0:
        return fail(failure, step, KIND_ERRNO, errno)
    while True:
        count = read(fd, buffer + size, capacity - size)
        if count <= 0:
            break
        size += <size_t>count
        if size == capacity:
            break
    error = errno
    close(fd)
    if count < 0:
        return fail(failure, step, KIND_ERRNO, error)
    if size == capacity:
        return fail(failure, step, KIND_FORM, <ssize_t>size)
    return <ssize_t>size
