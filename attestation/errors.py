"""What can go wrong while establishing trust, sorted by what the caller does next.

AttestationError
├── ConfigurationError   an operator must change a setting
├── UnavailableError     try again later: device busy, service or collateral unreachable
├── MalformedError       stop: the bytes do not have the form their specification gives
├── AppraisalError       stop: well formed, and not trusted
└── ChannelError         begin anew: an opening or a sealed frame does not belong to this session
"""

from __future__ import annotations


class AttestationError(Exception):
    """Base of every error this package raises on purpose."""

    code = "attestation"


class ConfigurationError(AttestationError):
    """An operator must change a setting."""

    code = "configuration"


class UnavailableError(AttestationError):
    """Evidence, collateral or a verdict could not be obtained now."""

    code = "unavailable"


class MalformedError(AttestationError):
    """Bytes do not have the form their specification gives."""

    code = "malformed"


class AppraisalError(AttestationError):
    """Well-formed evidence failed a check; `code` says which rule, as `docs/PROTOCOL.md` lists it."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class ChannelError(AttestationError):
    """An opening or a sealed frame does not belong to this session; `code` is what the wire carries."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
