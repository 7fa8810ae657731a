"""What is known of a site from earlier sessions: its operator's key, and how far its log was seen."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from attestation.errors import ConfigurationError
from attestation.pins import Pin, keep_pin, read_pins
from attestation.policy import LogView
from attestation.printing import write_time


class KnownSite:
    """One site's line of the state file, or what is remembered for as long as the program runs.

    `key_from` says how the operator is known: `given`, `seen first on …`, or `first use`.
    """

    def __init__(
        self, origin: str, *, state: Path | None, log_key: bytes | None, ask_key: Callable[[], bytes], now: datetime
    ) -> None:
        """Take the operator's key from where it is known; at first use, with a state file, the site's own word.

        Raises:
            ConfigurationError: no key is known, or the file remembers another one.
            UnavailableError, MalformedError: the site does not say its key.
        """
        pin = None if state is None else read_pins(state).get(origin)
        if log_key is None and state is None:
            raise ConfigurationError(f"the operator of {origin} is not known here: give the log key, or a state file")
        if pin is not None and log_key not in (None, pin.key):
            raise ConfigurationError(
                f"{state} remembers another operator's key of {origin}, seen first on {pin.since}. Either somebody "
                "else answers there now, or its operator has told you of a new key: then take that line out"
            )
        self._origin, self._state = origin, state
        self.key_from = "given" if log_key is not None else "first use" if pin is None else f"seen first on {pin.since}"
        self._pin = pin or Pin(ask_key() if log_key is None else log_key, write_time(now))

    @property
    def log_key(self) -> bytes:
        return self._pin.key

    @property
    def seen(self) -> LogView | None:
        """Return the log as it was last verified."""
        return self._pin.seen

    def keep(self, log: LogView) -> None:
        """Remember a log that was proved to continue what was seen, with the key that vouched for it."""
        self._pin = self._pin.grown_to(log)
        if self._state is not None:
            keep_pin(self._state, self._origin, self._pin)
