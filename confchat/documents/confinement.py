"""What a process can no longer do once it is confined: open anything, connect, start, write files, or grow.

Linux's seccomp (kernel, Documentation/userspace-api/seccomp_filter.rst) with a list of what is allowed; every other
system call fails. Limits of setrlimit(2) hold beside it. Neither can be taken back.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource

CPU_S = 20
MEMORY_BYTES = 1024**3  # address space: the interpreter, its libraries, and one image of 40 million pixels

_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_LOAD_WORD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
_NUMBER_OFFSET, _ARCHITECTURE_OFFSET = 0, 4  # in struct seccomp_data
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | 1  # the last one: EPERM

# linux/audit.h: AUDIT_ARCH_…; system calls by asm/unistd.h: read, write, close, fstat, lseek, mmap, mprotect, munmap,
# brk, rt_sigaction, rt_sigprocmask, rt_sigreturn, sched_yield, mremap, madvise, getpid, exit, gettimeofday,
# sigaltstack, futex, clock_gettime, exit_group, getrandom, membarrier.
_ALLOWED = {
    "x86_64": (
        0xC000003E,
        (0, 1, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 28, 39, 60, 96, 131, 202, 228, 231, 318, 324),
    ),
    "aarch64": (
        0xC00000B7,
        (
            63,
            64,
            57,
            80,
            62,
            222,
            226,
            215,
            214,
            134,
            135,
            139,
            124,
            216,
            233,
            172,
            93,
            169,
            132,
            98,
            113,
            94,
            278,
            283,
        ),
    ),
}


class _Instruction(ctypes.Structure):
    """A struct sock_filter of linux/filter.h."""

    _fields_ = (
        ("code", ctypes.c_uint16),
        ("if_true", ctypes.c_uint8),
        ("if_false", ctypes.c_uint8),
        ("value", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    """A struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(_Instruction)))


def confine() -> None:
    """Give up everything but computing, and reading and writing what is open already.

    Raises:
        OSError: the kernel does not confine; then nothing may be read here.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    library = ctypes.CDLL(None, use_errno=True)
    _control(library, _PR_SET_DUMPABLE, 0)
    _control(library, _PR_SET_NO_NEW_PRIVS, 1)
    if platform.machine() not in _ALLOWED:
        raise OSError("no list of system calls for this processor")
    instructions = _filter(*_ALLOWED[platform.machine()])
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    program = _Program(len(instructions), ctypes.cast(instructions, ctypes.POINTER(_Instruction)))
    _control(library, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program))


def _filter(architecture: int, allowed: tuple[int, ...]) -> ctypes.Array[_Instruction]:
    """Return a program that kills another architecture's calls, lets the allowed ones through, and refuses the rest."""
    count = len(allowed)
    program = [
        _Instruction(_LOAD_WORD, 0, 0, _ARCHITECTURE_OFFSET),
        _Instruction(_JUMP_IF_EQUAL, 1, 0, architecture),
        _Instruction(_RETURN, 0, 0, _KILL),
        _Instruction(_LOAD_WORD, 0, 0, _NUMBER_OFFSET),
        *(_Instruction(_JUMP_IF_EQUAL, count - at, 0, number) for at, number in enumerate(allowed)),
        _Instruction(_RETURN, 0, 0, _REFUSE),
        _Instruction(_RETURN, 0, 0, _ALLOW),
    ]
    return (_Instruction * len(program))(*program)


def _control(library: ctypes.CDLL, option: int, *arguments: object) -> None:
    filled = [*arguments, *[0] * (4 - len(arguments))]
    if library.prctl(option, *filled):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
