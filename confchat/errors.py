"""What can go wrong in a chat, sorted by what the caller does next.

ChatError
├── FrameError     the client broke the protocol: close the socket
├── RequestError   one request inside a session is refused: answer it with its code
│   └── QuotaError  what the account may use in a day is used up: wait until it opens again
└── ModelError     the model failed: show it, let the user retry

That a handshake or a sealed frame failed is `attestation.errors.ChannelError`.
"""

from __future__ import annotations


class ChatError(Exception):
    """Base of every error this package raises on purpose; `code` is what the wire carries."""

    def __init__(self, code: str, detail: str = "", *, retry: bool = False) -> None:
        super().__init__(detail or code)
        self.code = code
        self.retry = retry


class FrameError(ChatError):
    """A clear or sealed frame does not have the form of the protocol."""


class RequestError(ChatError):
    """A well-formed request inside a session that cannot be carried out."""


class QuotaError(RequestError):
    """What an account may use is used up; `until` is the second (UTC) at which there is more, null where unknown."""

    def __init__(self, code: str, *, until: int | None) -> None:
        super().__init__(code, retry=until is None)
        self.until = until


class ModelError(ChatError):
    """The model is missing, unreachable, busy or failed."""
