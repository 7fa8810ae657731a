"""The development broker over HTTP: an ASGI application with Trustee's paths, and the door where lies come in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, replace
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import unquote

from attestation.kbs.devbroker.broker import DevBroker, Session
from attestation.kbs.devbroker.refusals import RefusalError
from attestation.kbs.rcar import SESSION_COOKIE

MAX_BODY_BYTES = 4 * 1024 * 1024

_PREFIX = "/kbs/v0/"
_PIECES = 50

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Call:
    """One request: `endpoint` is `auth`, `attest`, `resource` or empty."""

    endpoint: str
    path: str
    cookie: str | None
    bearer: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; with `pause_s` its body comes in pieces with so long between them."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    pause_s: float = 0.0

    def json(self) -> dict[str, Any]:
        """Return the body's members."""
        members: dict[str, Any] = json.loads(self.body)
        return members

    def with_json(self, members: Any) -> Reply:
        """Return this answer with another body."""
        return replace(self, body=json.dumps(members, separators=(",", ":")).encode())


# Called with every request and the honest answer to it; what it returns is sent.
Change = Callable[[DevBroker, Call, Reply], Reply]


def create_application(broker: DevBroker, *, change: Change | None = None, prefix: str = "") -> Application:
    """Return a broker as an ASGI application; `prefix` stands before its paths, as a balancer's rule puts it there."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        call = _read_call(scope, await _read_body(receive), prefix)
        reply = await _answer(broker, scope["method"], call)
        await _send(reply if change is None else change(broker, call, reply), send)

    return application


async def _answer(broker: DevBroker, method: str, call: Call) -> Reply:
    try:
        return await _route(broker, method, call)
    except RefusalError as refusal:
        session = broker.sessions.get(call.cookie or "")
        status, document = refusal.document(session.version if session else broker.protocols[0])
        # Trustee sets no content type on errors.
        return Reply(status, json.dumps(document).encode())


async def _route(broker: DevBroker, method: str, call: Call) -> Reply:
    if (method, call.endpoint) == ("POST", "auth"):
        session = broker.begin(call.body)
        return _json({"nonce": session.nonce, "extra-params": ""}, session)
    if (method, call.endpoint) == ("POST", "attest"):
        session = await broker.attest(call.cookie, call.body)
        return _json({"token": session.token}, session)
    if (method, call.endpoint) == ("GET", "resource"):
        _, answer = await asyncio.to_thread(broker.give, call.cookie, call.bearer, call.path)
        return _json(answer, None)
    raise RefusalError("plugin", call.endpoint[:40])


def _json(members: dict[str, str], session: Session | None) -> Reply:
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    if session is not None:
        expires = session.ends.strftime("%a, %d %b %Y %H:%M:%S GMT")
        headers += (("set-cookie", f"{SESSION_COOKIE}={session.id}; Expires={expires}"),)
    return Reply(200, json.dumps(members, separators=(",", ":")).encode(), headers)


def _read_call(scope: Scope, body: bytes, prefix: str) -> Call:
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    path = unquote(scope["path"])
    rest = path.removeprefix(prefix).removeprefix(_PREFIX) if path.startswith(prefix + _PREFIX) else ""
    endpoint, _, names = rest.partition("/")
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return Call(endpoint, names, _read_cookie(headers.get("cookie", "")), token if scheme == "Bearer" else None, body)


def _read_cookie(text: str) -> str | None:
    try:
        cookie = SimpleCookie(text).get(SESSION_COOKIE)
    except CookieError:
        return None
    return None if cookie is None else cookie.value


async def _read_body(receive: Receive) -> bytes:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False) and len(body) <= MAX_BODY_BYTES
    return bytes(body[: MAX_BODY_BYTES + 1])


async def _send(reply: Reply, send: Send) -> None:
    headers = [(name.encode(), value.encode()) for name, value in reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    step = max(1, len(reply.body) // _PIECES) if reply.pause_s else max(1, len(reply.body))
    for at in range(0, max(1, len(reply.body)), step):
        if reply.pause_s:
            await asyncio.sleep(reply.pause_s)
        await send({"type": "http.response.body", "body": reply.body[at : at + step], "more_body": True})
    await send({"type": "http.response.body", "body": b""})
