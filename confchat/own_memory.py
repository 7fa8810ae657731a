"""This process's memory, kept from the disk and from other processes of its user."""

from __future__ import annotations

import ctypes
import resource

PR_SET_DUMPABLE = 4  # linux/prctl.h


def leave_no_core() -> None:
    """Let the kernel write no memory of this process to a file or to a program, and show it to none of its user's.

    The limit alone would not do: a dump that is piped to a program ignores it (core(5)).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)
