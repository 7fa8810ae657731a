"""What a call leaves behind or holds up: open descriptors, allocated memory, other threads."""

from __future__ import annotations

import contextlib
import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class _Mallinfo2(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd")]
    _fields_ += [(name, ctypes.c_size_t) for name in ("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")]


def allocated_bytes() -> int:
    """Return the bytes that malloc() has given out and not got back (mallinfo2 of glibc 2.33 and later)."""
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = _Mallinfo2
    usage = mallinfo2()
    return int(usage.uordblks + usage.hblkhd)


def assert_nothing_leaks(call: Callable[[], None]) -> None:
    """Call 50 times; a buffer of 32 KiB lost each time would be 1.6 MB. A stand-in may hold a descriptor meanwhile."""
    for _ in range(10):
        call()
    descriptors, allocated = open_descriptors(), allocated_bytes()
    for _ in range(50):
        call()
    assert abs(open_descriptors() - descriptors) < 5
    assert allocated_bytes() - allocated < 400_000


@contextlib.contextmanager
def takes(least_s: float, most_s: float) -> Iterator[None]:
    """Hold the duration of the context, also of one that raises, between two limits."""
    began = time.monotonic()
    try:
        yield
    finally:
        assert least_s <= time.monotonic() - began <= most_s


@contextlib.contextmanager
def ticking(*, every_s: float = 0.005) -> Iterator[list[float]]:
    """Let another Python thread note the time again and again while the context lasts."""
    ticks: list[float] = []
    is_over = threading.Event()

    def tick() -> None:
        while not is_over.wait(every_s):
            ticks.append(time.monotonic())

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        yield ticks
    finally:
        is_over.set()
        thread.join()
