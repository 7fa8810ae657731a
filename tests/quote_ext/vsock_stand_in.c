/*
 * A stand-in for a machine's vsock, loaded before libc: a stream to port P of CID C goes to the Unix socket
 * STAND_IN_DIRECTORY/C-P. Everything else of an address must be as vsock(7) says.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/vm_sockets.h>

int socket(int domain, int type, int protocol)
{
	int (*real)(int, int, int) = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");

	return real(domain == AF_VSOCK ? AF_UNIX : domain, type, protocol);
}

int connect(int fd, const struct sockaddr *address, socklen_t size)
{
	int (*real)(int, const struct sockaddr *, socklen_t) =
		(int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
	const struct sockaddr_vm *vm = (const struct sockaddr_vm *)address;
	struct sockaddr_un here = {.sun_family = AF_UNIX};

	if (address->sa_family != AF_VSOCK)
		return real(fd, address, size);
	if (size != sizeof(*vm) || vm->svm_reserved1 || vm->svm_flags) {
		errno = EINVAL;
		return -1;
	}
	snprintf(here.sun_path, sizeof(here.sun_path), "%s/%u-%u", STAND_IN_DIRECTORY, vm->svm_cid, vm->svm_port);
	return real(fd, (struct sockaddr *)&here, sizeof(here));
}
