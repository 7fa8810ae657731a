"""A server on this computer that speaks the session's wire: honest, until a test says how it lies or where it fails."""

from __future__ import annotations

import hashlib
import http
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from attestation.channel import SealedChannel, generate_kem_key, open_opening
from attestation.encoding import b64decode, b64encode
from tests.cases.case import IDS
from tests.cases.scene import DEPLOYMENT_KEY, EXPECTATION, Scene

SUITE = "MLKEM768-X25519"
WORDS = ("Red, ", "orange, ", "yellow.")


@dataclass
class StandIn:
    """`forge` changes what is shown, `ready` members of `session.ready`; after `loses` pieces the socket is cut, once.

    `heard` are the frames that clients sent, and `requests` those of them that could be opened.
    """

    forge: Callable[[Scene], Scene] = lambda scene: scene
    ready: dict[str, Any] = field(default_factory=dict)
    claimed: str = "affirming"
    loses: int | None = None
    redirect: str = ""
    address: str = ""
    heard: list[str | bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    openings: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    replies: dict[str, str] = field(default_factory=dict)

    def pages(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer what is no socket."""
        self.headers.append(dict(request.headers.raw_items()))
        if request.path == "/ws/session/":
            if not self.redirect:
                return None
            response = connection.respond(http.HTTPStatus.FOUND, "")
            response.headers["Location"] = self.redirect
            return response
        pages = {
            "/attestation/releases": lambda: {"releases": self._show({"nonce": bytes(32)})["releases"]},
            "/attestation/keys": lambda: {"log": {"key": b64encode(DEPLOYMENT_KEY.public_key().public_bytes_raw())}},
        }
        return connection.respond(http.HTTPStatus.OK, json.dumps(pages[request.path]()))

    def _show(self, statement: dict[str, Any], **spoiled: Any) -> dict[str, Any]:
        stated = {"origin": self.address, **statement}
        scene = Scene(statement=stated, expectation={**EXPECTATION, "origin": self.address})
        forged = self.forge(scene)
        return replace(forged, spoiled={**spoiled, **forged.spoiled}).build()

    async def serve(self, socket: ServerConnection) -> None:
        """Serve one client, one handshake after the other."""
        channel: SealedChannel | None = None
        async for frame in socket:
            self.heard.append(frame)
            if isinstance(frame, str):
                message = json.loads(frame)
                if message["type"] == "attest.request":
                    key, statement, record = await self._attest(socket, message)
                else:
                    sealed = b64decode(message["sealed"])
                    opening = json.loads(open_opening(key, sealed=sealed, statement=statement))
                    channel = SealedChannel(secret=b64decode(opening["secret"]), sealed=sealed, statement=statement)
                    await self._open(socket, channel, opening, statement, record)
            else:
                assert channel is not None
                request = json.loads(channel.open(frame))
                self.requests.append(request)
                if not await self._answer(socket, channel, request):
                    return

    async def _attest(self, socket: ServerConnection, message: dict[str, Any]) -> tuple[Any, bytes, str]:
        key, record = generate_kem_key(SUITE), str(uuid.uuid4())
        case = self._show(
            {
                "nonce": b64decode(message["nonce"]),
                "conversation": message["conversation"],
                "kem_key_sha256": key.public_sha256,
            },
            **{"evidence.kem_key": b64encode(key.public)},
        )
        checks = [{"id": name, "status": "pass", "source": "hardware", "detail": "Good."} for name in IDS]
        verdict = {"outcome": self.claimed, "token": case["token"], "checks": checks, "error": None}
        await socket.send(json.dumps({"type": "attest.evidence", "record": record, **case["evidence"]}))
        await socket.send(json.dumps({"type": "attest.verdict", "record": record, **verdict}))
        return key, b64decode(case["evidence"]["statement"]), record

    async def _open(
        self, socket: ServerConnection, channel: SealedChannel, opening: dict[str, Any], statement: bytes, record: str
    ) -> None:
        self.openings.append(opening)
        await socket.send(json.dumps({"type": "session.switch", "record": record}))
        ready = {
            "type": "session.ready",
            "record": record,
            "statement_sha256": hashlib.sha256(statement).hexdigest(),
            "user": opening["user"],
            "conversation": json.loads(statement)["conversation"],
            "outcome": "affirming",
            "resume": f"resume {len(self.openings)}",
            "consistency": None,
        }
        await socket.send(channel.seal(json.dumps(ready | self.ready).encode()))

    async def _answer(self, socket: ServerConnection, channel: SealedChannel, request: dict[str, Any]) -> bool:
        """Answer a request; return false where the connection is to end."""

        async def tell(kind: str, **members: Any) -> None:
            await socket.send(channel.seal(json.dumps({"type": kind, "id": request["id"], **members}).encode()))

        await socket.send(channel.seal(b'{"type":"news","of":"another tab"}'))  # which concerns nobody here
        if request["type"] == "chat.stop":
            await tell("chat.stopped", reply=request["reply"])
            return True
        if request["type"] == "chat.send":
            reply = self.replies.setdefault(request["message"], str(uuid.uuid4()))
            await tell("chat.started", message=request["message"], reply=reply)
            begun = 0
        else:
            reply, begun = request["reply"], request["offsets"]["content"]
        offset = 0
        for number, word in enumerate(WORDS):
            if self.loses == number:
                self.loses = None
                return False
            if offset >= begun:
                await tell("chat.delta", reply=reply, offsets={"thinking": 0, "content": offset}, content=word)
            offset += len(word)
        await tell("chat.done", reply=reply, reason="stop", usage={"completion_tokens": 3})
        return True


@asynccontextmanager
async def standing_in(**how: Any) -> AsyncIterator[StandIn]:
    """Serve on a free port of this computer."""
    stand_in = StandIn(**how)
    server: Server
    async with serve(
        stand_in.serve, "127.0.0.1", 0, process_request=stand_in.pages, subprotocols=[Subprotocol("confchat.v1")]
    ) as server:
        stand_in.address = f"http://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
        yield stand_in
