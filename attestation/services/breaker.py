"""A circuit breaker: who is away is left alone for a while, and then asked by one caller before all others."""

from __future__ import annotations

import time
from collections.abc import Callable

from attestation.services.verdict import ServiceError

FAILURES = 5
REST_S = 10.0


class CircuitBreaker:
    """Counts failures in a row; after `failures` of them nobody is admitted for `rest_s`, and then one at a time."""

    def __init__(
        self,
        *,
        failures: int = FAILURES,
        rest_s: float = REST_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = failures
        self._rest_s = rest_s
        self._monotonic = monotonic
        self._failures = 0
        self._rests_until = 0.0

    @property
    def is_open(self) -> bool:
        """Whether nobody is admitted at this moment."""
        return self._failures >= self._most and self._monotonic() < self._rests_until

    def admit(self) -> None:
        """Let a caller through; the first one after a rest goes alone.

        Raises:
            ServiceError: `service_unavailable`, without asking.
        """
        if self._failures < self._most:
            return
        if self.is_open:
            raise ServiceError("service_unavailable", "the service was away again and again: it is left alone")
        self._rests_until = self._monotonic() + self._rest_s

    def answered(self) -> None:
        """Note that the service is there, whatever it said."""
        self._failures = 0

    def failed(self) -> None:
        """Note that it was not there."""
        self._failures += 1
        self._rests_until = self._monotonic() + self._rest_s
