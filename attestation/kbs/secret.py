"""A secret in memory that is never swapped, dumped or inherited, and that is overwritten when it is done with.

Libraries on the way here make copies that cannot be wiped: SECURITY.md names them.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from types import TracebackType
from typing import NoReturn, Self

from attestation.errors import ConfigurationError

MAX_SIZE = 1024 * 1024


class Secret:
    """A buffer of fixed size in pages of its own: locked (mlock), MADV_DONTDUMP, MADV_DONTFORK, wiped at the end.

    Use it as a context manager, or call `wipe`. What is read through `view` must not be copied.
    """

    def __init__(self, size: int) -> None:
        """Lock `size` zero bytes (1 to 1 MiB).

        Raises:
            ConfigurationError: this process may not lock so much memory.
        """
        if not 0 < size <= MAX_SIZE:
            raise ValueError(f"a secret has 1 to {MAX_SIZE} bytes")
        self._size = size
        self._pages = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        try:
            _lock(self._pages, size)
        except OSError as error:
            raise ConfigurationError(
                f"a secret's memory cannot be locked ({os.strerror(error.errno or 0)}): raise the limit of locked "
                "memory (LimitMEMLOCK= of the service, or ulimit -l)"
            ) from error
        self._pages.madvise(mmap.MADV_DONTDUMP)
        self._pages.madvise(mmap.MADV_DONTFORK)
        self._view: memoryview | None = memoryview(self._pages)[:size]

    @property
    def view(self) -> memoryview:
        """Return the bytes where they lie. Raises `ValueError` after `wipe`."""
        if self._view is None:
            raise ValueError("the secret was wiped")
        return self._view

    @property
    def is_wiped(self) -> bool:
        """Whether its bytes are gone."""
        return self._view is None

    def wipe(self) -> None:
        """Overwrite it and give its memory back; again and again does no harm."""
        if self._view is None:
            return
        self._view[:] = bytes(self._size)
        self._view.release()
        self._view = None
        try:
            self._pages.close()
        except BufferError:
            # Somebody still holds a part of the view: it reads zeros, and its end gives the pages back.
            return

    def __len__(self) -> int:
        """Return its size in bytes."""
        return self._size

    def __enter__(self) -> Self:
        """Wipe it at the end of the block."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wipe it."""
        self.wipe()

    def __del__(self) -> None:
        """Wipe what was forgotten."""
        if hasattr(self, "_view"):
            self.wipe()

    def __repr__(self) -> str:
        """Say nothing of it."""
        return "Secret(wiped)" if self.is_wiped else f"Secret({self._size} bytes)"

    def __reduce__(self) -> NoReturn:
        """Refuse copies and pickles."""
        raise TypeError("a secret is not copied")


def _lock(pages: mmap.mmap, size: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mlock.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
    first = ctypes.c_char.from_buffer(pages)
    if libc.mlock(ctypes.addressof(first), size) != 0:
        raise OSError(ctypes.get_errno(), "mlock")
