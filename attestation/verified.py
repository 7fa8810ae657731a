"""A bounded memory of what was verified: only successes, found again by their exact bytes.

What is remembered does not depend on time; whoever asks checks dates anew each time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar

Value = TypeVar("Value")

DEFAULT_ENTRIES = 256


class VerifiedCache:
    """The most recently used results of pure verifications. Safe to share between threads.

    A key holds every byte that the result depends on (up to some 30 KB each), so that nothing but the same
    input can find it; `max_entries` bounds memory.
    """

    def __init__(self, *, max_entries: int = DEFAULT_ENTRIES) -> None:
        self._entries: OrderedDict[tuple[object, ...], Any] = OrderedDict()
        self._max_entries = max_entries
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def knows(self, key: tuple[object, ...]) -> bool:
        """Tell whether a result is remembered for this key."""
        with self._lock:
            return key in self._entries

    def remember(self, key: tuple[object, ...], verify: Callable[[], Value]) -> Value:
        """Return what `verify` returned for this key before, else call it; what raises is not remembered."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                value: Value = self._entries[key]
                return value
        value = verify()
        with self._lock:
            self._entries[key] = value
            while len(self._entries) > self._max_entries:
                self._entries.popitem(last=False)
        return value
