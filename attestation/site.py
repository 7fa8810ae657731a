"""What a stranger asks a server, over HTTP; nothing of the answers is believed here, only that they have their form."""

from __future__ import annotations

import json
import time
from types import TracebackType
from typing import Any, Self

import httpx

from attestation.encoding import b64decode, b64encode, parse_json
from attestation.errors import ConfigurationError, MalformedError, UnavailableError
from attestation.shown import Shown, read_shown

MAX_ANSWER_BYTES = 8 * 1024 * 1024
STEP_TIMEOUT_S = 30.0
WHOLE_TIMEOUT_S = 60.0

_HEADERS = {"accept-encoding": "identity", "user-agent": "confchat-attestation"}
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Site:
    """One server, asked without an account; no redirect is followed, and answers are limited in size and time."""

    def __init__(self, url: str, *, origin: str | None = None) -> None:
        """Connect to nothing yet; `origin` is the site's own where `url` is another way to it, behind its terminator.

        Raises:
            ConfigurationError: `url` is not an address without a path.
        """
        try:
            address = httpx.URL(url)
        except (httpx.InvalidURL, ValueError) as error:
            raise ConfigurationError(f"{url} is not an address such as https://chat.example") from error
        if address.scheme not in _DEFAULT_PORTS or not address.host or address.raw_path not in (b"", b"/"):
            raise ConfigurationError(f"{url} is not an address such as https://chat.example")
        base_url = f"{address.scheme}://{address.netloc.decode('ascii')}"
        self.origin = origin or base_url
        named = {} if origin is None else {"host": httpx.URL(origin).netloc.decode("ascii"), "origin": origin}
        self._client = httpx.Client(
            base_url=base_url,
            headers=_HEADERS | named,
            timeout=STEP_TIMEOUT_S,
            follow_redirects=False,
            trust_env=origin is None,  # the way behind the terminator leads past every proxy
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def ask_evidence(self, nonce: bytes) -> Shown:
        """Return fresh evidence for a nonce (32 bytes).

        Raises:
            UnavailableError: no answer, or the server says that it cannot.
            MalformedError: the answer is no evidence.
        """
        answer = _object(self.post_json("/attestation/evidence", {"nonce": b64encode(nonce)}))
        return read_shown(answer.get("evidence"), answer.get("verdict"))

    def releases(self) -> list[tuple[bytes, bytes]]:
        """Return the releases that the server publishes: manifests and signatures, none of them verified."""
        listed = _object(self.get_json("/attestation/releases")).get("releases")
        if not isinstance(listed, list):
            raise MalformedError("the server's releases are not a list")
        items = [_object(item) for item in listed]
        return [(b64decode(item.get("manifest")), b64decode(item.get("signature"))) for item in items]

    def log_key(self) -> bytes:
        """Return the log key (32 bytes) that the server says is its operator's."""
        keys = _object(self.get_json("/attestation/keys"))
        return b64decode(_object(keys.get("log")).get("key"), size=32)

    def readiness(self) -> dict[str, Any]:
        """Return what `/readyz` says, ready or not. Raises `UnavailableError`, `MalformedError`."""
        return _object(parse_json(self._request("GET", "/readyz", accepted=(200, 503))))

    def get_json(self, path: str) -> Any:
        """Return the strict JSON at a path. Raises `UnavailableError`, `MalformedError`."""
        return parse_json(self.get(path))

    def post_json(self, path: str, body: Any) -> Any:
        """Return the strict JSON that a path answers to a JSON body. Raises `UnavailableError`, `MalformedError`."""
        return parse_json(self._request("POST", path, content=json.dumps(body).encode()))

    def get(self, path: str) -> bytes:
        """Return what is at a path, as it is served.

        Raises:
            UnavailableError: anything but an answer with status 200.
        """
        return self._request("GET", path)

    def _request(
        self, method: str, path: str, *, content: bytes | None = None, accepted: tuple[int, ...] = (200,)
    ) -> bytes:
        deadline = time.monotonic() + WHOLE_TIMEOUT_S
        headers = {} if content is None else {"content-type": "application/json"}
        body = bytearray()
        try:
            with self._client.stream(method, path, content=content, headers=headers) as response:
                if response.status_code not in accepted:
                    raise UnavailableError(f"{self.origin}{path} answers with status {response.status_code}")
                for piece in response.iter_bytes():
                    body += piece
                    if len(body) > MAX_ANSWER_BYTES or time.monotonic() > deadline:
                        raise UnavailableError(f"{self.origin}{path} answers at too great length")
        except httpx.HTTPError as error:
            raise UnavailableError(f"{self.origin} cannot be reached: {error}") from error
        return bytes(body)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MalformedError("the server's answer does not have the known form")
    return value
