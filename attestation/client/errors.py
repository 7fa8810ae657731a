"""What a client of the session tells its program, beside the errors of the verifier."""

from __future__ import annotations

from attestation.appraisal import AttestationResult
from attestation.errors import AppraisalError, AttestationError, UnavailableError


class NotAttestedError(AppraisalError):
    """The machine did not prove what is asked of it, and nothing was said to it. `code` is the first fault's."""

    def __init__(self, result: AttestationResult, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.result = result


class RefusedError(AttestationError):
    """The server refused, with a code of docs/PROTOCOL.md section 8; `retry` says that it may go otherwise later."""

    def __init__(self, code: str, *, retry: bool = False) -> None:
        super().__init__(_WORDS.get(code, f"the server refuses: {code}"))
        self.code = code
        self.retry = retry


class LostError(UnavailableError):
    """The connection ended; another may be made."""


_WORDS = {
    "login_required": "the access token is not accepted: it is mistyped, expired or revoked, or its account is closed",
    "refused_by_policy": "the server refuses this address, or its own policy does not let sessions open now",
    "too_many_requests": "too many requests in this minute",
    "overloaded": "the server has too much to do",
    "history_key_wrong": "this is not the account's history key, or the account has none yet: "
    "it is made in the browser, at the first sign-in",
    "wrong_account": "the access token is another account's",
    "not_found": "there is no such conversation, or what was said in it is gone",
    "model_missing": "the server has no such model",
    "model_unavailable": "the model does not answer now",
    "model_busy": "the model has too much to do",
    "quota_exhausted": "what this account may use today is used",
    "prompt_too_long": "this does not fit into the model's context",
}
