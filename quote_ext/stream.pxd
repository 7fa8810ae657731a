# A byte stream to a quoting service, on which every wait ends at one deadline.
from libc.errno cimport EAGAIN, ECONNRESET, EINPROGRESS, EINTR, ENAMETOOLONG, ETIMEDOUT, errno
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset, strlen
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec
from posix.unistd cimport close, usleep

from quote_ext.result cimport KIND_ERRNO, STEP_CONNECT, STEP_RECEIVE, Failure, Step, fail

cdef extern from "<sys/socket.h>" nogil:
    ctypedef unsigned short sa_family_t
    ctypedef unsigned int socklen_t
    struct sockaddr:
        sa_family_t sa_family
    enum:
        AF_UNIX
        AF_VSOCK
        SOCK_STREAM
        SOCK_CLOEXEC
        SOCK_NONBLOCK
        SOL_SOCKET
        SO_ERROR
        MSG_NOSIGNAL
    int socket(int domain, int type, int protocol)
    int connect(int sockfd, const sockaddr *addr, socklen_t addrlen)
    int getsockopt(int sockfd, int level, int optname, void *optval, socklen_t *optlen)
    ssize_t send(int sockfd, const void *buf, size_t len, int flags)
    ssize_t recv(int sockfd, void *buf, size_t len, int flags)

cdef extern from "<sys/un.h>" nogil:
    struct sockaddr_un:
        sa_family_t sun_family
        char sun_path[108]

cdef extern from "<linux/vm_sockets.h>" nogil:
    struct sockaddr_vm:
        sa_family_t svm_family
        unsigned int svm_port
        unsigned int svm_cid

cdef extern from "<poll.h>" nogil:
    enum:
        POLLIN
        POLLOUT
    ctypedef unsigned long nfds_t
    struct pollfd:
        int fd
        short events
        short revents
    int poll(pollfd *fds, nfds_t nfds, int timeout)

cdef enum:
    NS_PER_S = 1_000_000_000
    NS_PER_MS = 1_000_000
    CONNECT_PAUSE_US = 5_000


cdef inline int64_t monotonic_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t>now.tv_sec * NS_PER_S + now.tv_nsec


cdef inline int connect_unix(const char *path, int64_t deadline_ns, Failure *failure) noexcept nogil:
    """Open a stream to a Unix socket; returns its descriptor or -1."""
    cdef sockaddr_un address
    cdef size_t size = strlen(path)
    memset(&address, 0, sizeof(address))
    if size >= sizeof(address.sun_path):
        return fail(failure, STEP_CONNECT, KIND_ERRNO, ENAMETOOLONG)
    address.sun_family = AF_UNIX
    memcpy(address.sun_path, path, size)
    return connect_stream(<const sockaddr *>&address, sizeof(address), deadline_ns, failure)


cdef inline int connect_vsock(uint32_t cid, uint32_t port, int64_t deadline_ns, Failure *failure) noexcept nogil:
    """Open a stream to a port of the host or of another machine on it; returns its descriptor or -1."""
    cdef sockaddr_vm address
    memset(&address, 0, sizeof(address))
    address.svm_family = AF_VSOCK
    address.svm_cid = cid
    address.svm_port = port
    return connect_stream(<const sockaddr *>&address, sizeof(address), deadline_ns, failure)


cdef inline int connect_stream(
    const sockaddr *address, socklen_t size, int64_t deadline_ns, Failure *failure
) noexcept nogil:
    """Open a non-blocking stream to an address of any family; returns its descriptor or -1."""
    cdef int fd = socket(address.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)
    if fd < 0:
        return fail(failure, STEP_CONNECT, KIND_ERRNO, errno)
    if finish_connecting(fd, address, size, deadline_ns, failure) < 0:
        close(fd)
        return -1
    return fd


cdef inline int finish_connecting(
    int fd, const sockaddr *address, socklen_t size, int64_t deadline_ns, Failure *failure
) noexcept nogil:
    cdef int error = 0
    cdef socklen_t error_size = sizeof(error)
    while connect(fd, address, size) < 0:
        if errno == EAGAIN:
            # A Unix socket whose queue of connections is full: there is nothing to poll for.
            if monotonic_ns() >= deadline_ns:
                return fail(failure, STEP_CONNECT, KIND_ERRNO, ETIMEDOUT)
            usleep(CONNECT_PAUSE_US)
        elif errno == EINPROGRESS:
            if wait_until_ready(fd, POLLOUT, deadline_ns, STEP_CONNECT, failure) < 0:
                return -1
            if getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &error_size) < 0:
                error = errno
            return fail(failure, STEP_CONNECT, KIND_ERRNO, error) if error != 0 else 0
        elif errno != EINTR:
            return fail(failure, STEP_CONNECT, KIND_ERRNO, errno)
    return 0


cdef inline int send_all(
    int fd, const uint8_t *data, size_t size, int64_t deadline_ns, Step step, Failure *failure
) noexcept nogil:
    cdef ssize_t count
    while size > 0:
        count = send(fd, data, size, MSG_NOSIGNAL)
        if count >= 0:
            data += count
            size -= <size_t>count
        elif errno == EAGAIN:
            if wait_until_ready(fd, POLLOUT, deadline_ns, step, failure) < 0:
                return -1
        elif errno != EINTR:
            return fail(failure, step, KIND_ERRNO, errno)
    return 0


cdef inline int receive_exactly(
    int fd, uint8_t *data, size_t size, int64_t deadline_ns, Failure *failure
) noexcept nogil:
    """Fill `data`; a peer that closes before that counts as a connection reset."""
    cdef ssize_t count
    while size > 0:
        # Asked before every read, so that a peer that never stops trickling cannot outlast the deadline.
        if wait_until_ready(fd, POLLIN, deadline_ns, STEP_RECEIVE, failure) < 0:
            return -1
        count = recv(fd, data, size, 0)
        if count > 0:
            data += count
            size -= <size_t>count
        elif count == 0:
            return fail(failure, STEP_RECEIVE, KIND_ERRNO, ECONNRESET)
        elif errno != EAGAIN and errno != EINTR:
            return fail(failure, STEP_RECEIVE, KIND_ERRNO, errno)
    return 0


cdef inline int wait_until_ready(
    int fd, short events, int64_t deadline_ns, Step step, Failure *failure
) noexcept nogil:
    """Wait for an event, an error or a hang-up (which the next call on `fd` reports), at most until the deadline."""
    cdef pollfd watched
    cdef int64_t left_ns
    cdef int ready
    watched.fd = fd
    watched.events = events
    while True:
        left_ns = deadline_ns - monotonic_ns()
        if left_ns <= 0:
            return fail(failure, step, KIND_ERRNO, ETIMEDOUT)
        watched.revents = 0
        ready = poll(&watched, 1, <int>((left_ns + NS_PER_MS - 1) // NS_PER_MS))
        if ready > 0:
            return 0
        if ready < 0 and errno != EINTR:
            return fail(failure, step, KIND_ERRNO, errno)
