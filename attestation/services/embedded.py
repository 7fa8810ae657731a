"""The embedded attestation service: Trustee's REST shape (restful-as since v0.14) as a plain ASGI application.

`POST /attestation` answers with a token as text, or a problem document (RFC 9457); `GET /jwks` and
`/.well-known/jwks.json` with the key that signs tokens. It runs in the product's process by `httpx.ASGITransport`, or
under any ASGI server as a process of its own. It believes no collateral that a requester sends: it has its own source.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from attestation.errors import AppraisalError, MalformedError, UnavailableError
from attestation.services.request import MAX_REQUEST_BYTES
from attestation.services.service import AttestationService

MAX_CONCURRENT_REQUESTS = 64
REQUEST_TIMEOUT_S = 20.0

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_PROBLEM_TYPE = "https://github.com/confidential-containers/trustee/attestation-service/errors/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One HTTP answer."""

    status: int
    content_type: str
    body: bytes


class ProblemError(Exception):
    """A request that gets a problem document; the texts are fixed, and say nothing of what was sent."""

    def __init__(self, status: int, code: str, title: str, *, detail: str = "", retryable: bool = False) -> None:
        super().__init__(code)
        self.answer = Answer(
            status=status,
            content_type="application/problem+json",
            body=_to_json(
                {
                    "type": _PROBLEM_TYPE + code,
                    "title": title,
                    "status": status,
                    "code": code,
                    "detail": detail or title,
                    "retryable": retryable,
                }
            ),
        )


def create_application(service: AttestationService) -> Application:
    """Return the service as an ASGI application; it needs no start-up and no shut-down."""
    requests = _Requests(service)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _serve_lifespan(receive, send)
        elif scope["type"] == "http":
            await _send_answer(await requests.answer(scope, receive), send)
        else:
            raise ValueError(f"the attestation service does not speak {scope['type']}")

    return application


class _Requests:
    """Routes requests, and bounds how many there are, how long they take and how large they are."""

    def __init__(self, service: AttestationService) -> None:
        self._service = service
        self._running = 0
        self._routes: dict[str, dict[str, Callable[[Scope, Receive], Awaitable[Answer]]]] = {
            "/attestation": {"POST": self._attest},
            "/jwks": {"GET": self._jwks},
            "/.well-known/jwks.json": {"GET": self._jwks},
            "/healthz": {"GET": self._healthz},
        }

    async def answer(self, scope: Scope, receive: Receive) -> Answer:
        """Answer one request, whatever it is."""
        if self._running >= MAX_CONCURRENT_REQUESTS:
            return ProblemError(503, "AS.OVERLOADED", "Too many requests at once", retryable=True).answer
        self._running += 1
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                return await self._route(scope)(scope, receive)
        except ProblemError as problem:
            return problem.answer
        except TimeoutError:
            return ProblemError(503, "AS.TIMEOUT", "The request took too long", retryable=True).answer
        finally:
            self._running -= 1

    def _route(self, scope: Scope) -> Callable[[Scope, Receive], Awaitable[Answer]]:
        methods = self._routes.get(scope["path"])
        if methods is None:
            raise ProblemError(404, "AS.NOT_FOUND", "There is nothing at this address")
        if scope["method"] not in methods:
            raise ProblemError(405, "AS.REQUEST.METHOD", "This address does not take this method")
        return methods[scope["method"]]

    async def _attest(self, scope: Scope, receive: Receive) -> Answer:
        _refuse_other_media(scope)
        body = await _read_body(receive)
        try:
            token = await self._service.attest(body)
        except MalformedError as error:
            raise ProblemError(400, "AS.REQUEST.MALFORMED", "The request cannot be read") from error
        except AppraisalError as error:
            raise ProblemError(
                422, "AS.EVIDENCE.REFUSED", "The evidence is not authentic", detail=error.code
            ) from error
        except UnavailableError as error:
            raise ProblemError(
                503, "AS.COLLATERAL.UNAVAILABLE", "The platform's collateral cannot be fetched now", retryable=True
            ) from error
        return Answer(status=200, content_type="text/plain; charset=utf-8", body=token.encode())

    async def _jwks(self, scope: Scope, receive: Receive) -> Answer:
        return Answer(status=200, content_type="application/json", body=_to_json(self._service.jwks))

    async def _healthz(self, scope: Scope, receive: Receive) -> Answer:
        return Answer(status=200, content_type="application/json", body=_to_json({"status": "ok"}))


def _refuse_other_media(scope: Scope) -> None:
    types = [value for name, value in scope["headers"] if name.lower() == b"content-type"]
    if len(types) != 1 or types[0].split(b";")[0].strip().lower() != b"application/json":
        raise ProblemError(415, "AS.REQUEST.MEDIA_TYPE", "The request must be application/json")


async def _read_body(receive: Receive) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ProblemError(400, "AS.REQUEST.MALFORMED", "The request ended too early")
        body += message.get("body", b"")
        if len(body) > MAX_REQUEST_BYTES:
            raise ProblemError(413, "AS.REQUEST.TOO_LARGE", "The request is too large")
        more = message.get("more_body", False)
    return bytes(body)


async def _send_answer(answer: Answer, send: Send) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


async def _serve_lifespan(receive: Receive, send: Send) -> None:
    message = await receive()
    while message["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
        message = await receive()
    await send({"type": "lifespan.shutdown.complete"})


def _to_json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
