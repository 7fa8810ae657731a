"""Calling an attestation service over HTTP: one door for all of them, with limits on everything and three kinds of no.

`service_unavailable` and `service_timeout`: nobody is there now. `service_refused`: it answers, and says no.
`service_lying`: what came is not its protocol's, or came from somebody who cannot prove to be it.
"""

from __future__ import annotations

import asyncio
import json
import random
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import httpx

from attestation.errors import ConfigurationError
from attestation.services.breaker import CircuitBreaker
from attestation.services.verdict import ServiceError

MAX_ANSWER_BYTES = 64 * 1024
DEFAULT_TIMEOUT_S = 15.0

# Overload, and proxies whose service is away. Trustee answers 500 where it does not accept evidence.
_UNAVAILABLE_STATUSES = frozenset({408, 425, 429, 502, 503, 504})


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a call is tried again that may be: after a random part of a delay that doubles, up to `longest_s`."""

    most: int
    first_s: float
    longest_s: float


# Enough for a service that is being restarted behind a balancer; the deadline of the whole call ends them anyway.
RETRIES = Retries(most=2, first_s=0.2, longest_s=2.0)


class ServiceCaller:
    """One service's address: requests with a deadline, retries where they are safe, and a rest while it is away."""

    def __init__(
        self,
        url: str,
        *,
        transport: httpx.AsyncBaseTransport,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        headers: Mapping[str, str] | None = None,
        retries: Retries = RETRIES,
        breaker: CircuitBreaker | None = None,
        name: str = "attestation service",
        max_answer_bytes: int = MAX_ANSWER_BYTES,
        jitter: Callable[[], float] = random.random,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Connect to nothing yet.

        Args:
            name: what errors call the service.
            jitter: returns a number from 0 to 1.

        Raises:
            ConfigurationError: `url` is no address.
        """
        try:
            address = httpx.URL(url)
        except (httpx.InvalidURL, ValueError) as error:
            raise ConfigurationError(f"{url!r} is not the address of the {name}") from error
        if address.scheme not in ("http", "https") or not address.host:
            raise ConfigurationError(f"{url!r} is not the address of the {name}")
        self.url = url
        self._name = name
        self._max_answer_bytes = max_answer_bytes
        self._timeout_s = timeout_s
        self._retries = retries
        self._breaker = breaker or CircuitBreaker(monotonic=monotonic)
        self._jitter = jitter
        self._client = httpx.AsyncClient(
            base_url=url,
            transport=transport,
            timeout=timeout_s,
            headers={"accept": "*/*", "accept-encoding": "identity", **(headers or {})},
            trust_env=False,
            follow_redirects=False,
        )

    async def post(self, path: str, body: bytes, *, headers: Mapping[str, str] | None = None) -> bytes:
        """Return what a service answers to JSON; asking again changes nothing there, so it is retried as a GET is.

        Raises:
            ServiceError: anything but an answer of status 200 within the limits.
        """
        return await self._call("POST", path, body, {"content-type": "application/json", **(headers or {})})

    async def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> bytes:
        """Return what is at a path. Raises as `post`."""
        return await self._call("GET", path, None, headers or {})

    def cookie(self, name: str) -> str | None:
        """Return the cookie of this name that would be sent, None for none or several."""
        found = [cookie.value for cookie in self._client.cookies.jar if cookie.name == name and not cookie.is_expired()]
        return found[0] if len(found) == 1 else None

    def forget_cookies(self) -> None:
        """Be somebody new to the service."""
        self._client.cookies.clear()

    async def aclose(self) -> None:
        """Give back connections."""
        await self._client.aclose()

    async def _call(
        self, method: Literal["GET", "POST"], path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> bytes:
        self._breaker.admit()
        try:
            # httpx limits each step; this limits them all together, and every retry.
            async with asyncio.timeout(self._timeout_s):
                answer = await self._retried(method, path, body, headers)
        except TimeoutError as error:
            self._breaker.failed()
            raise ServiceError("service_timeout", f"the {self._name} did not answer in time") from error
        except ServiceError as error:
            if error.code == "service_unavailable":
                self._breaker.failed()
            else:
                self._breaker.answered()
            raise
        self._breaker.answered()
        return answer

    async def _retried(
        self, method: Literal["GET", "POST"], path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> bytes:
        delay_s = self._retries.first_s
        for _ in range(self._retries.most):
            try:
                return await self._once(method, path, body, headers)
            except ServiceError as error:
                if error.code != "service_unavailable":
                    raise
            await asyncio.sleep(self._jitter() * delay_s)
            delay_s = min(2 * delay_s, self._retries.longest_s)
        return await self._once(method, path, body, headers)

    async def _once(
        self, method: Literal["GET", "POST"], path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> bytes:
        answer = bytearray()
        try:
            async with self._client.stream(method, path, content=body, headers=headers) as response:
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise ServiceError("service_lying", f"the {self._name} packed an answer that must not be packed")
                async for piece in response.aiter_bytes():
                    answer += piece
                    if len(answer) > self._max_answer_bytes:
                        raise ServiceError("service_lying", f"the {self._name}'s answer is too long")
        except httpx.TimeoutException as error:
            raise TimeoutError from error
        except httpx.TransportError as error:
            raise _transport_error(error, self._name) from error
        if response.status_code != 200:
            raise _refusal(response.status_code, bytes(answer), self._name)
        return bytes(answer)


def _transport_error(error: Exception, name: str) -> ServiceError:
    """Tell a service that is away from somebody at its address whose certificate is not the one expected."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ServiceError("service_lying", f"who answers at the {name}'s address has another certificate")
        cause = cause.__cause__ or cause.__context__
    return ServiceError("service_unavailable", f"the {name} cannot be reached")


def _refusal(status: int, answer: bytes, name: str) -> ServiceError:
    if status in _UNAVAILABLE_STATUSES or _is_retryable(answer):
        return ServiceError("service_unavailable", f"the {name} is busy or away ({status})", status=status)
    if status >= 400:
        detail = f"the {name} refused what was asked ({status})"
        return ServiceError("service_refused", detail, status=status, body=answer)
    return ServiceError("service_lying", f"the {name} answered outside its protocol ({status})", status=status)


def _is_retryable(answer: bytes) -> bool:
    """Read `retryable` of a problem document (RFC 9457), as newer services send it."""
    try:
        problem = json.loads(answer)
    except (ValueError, RecursionError):
        return False
    return isinstance(problem, dict) and problem.get("retryable") is True
