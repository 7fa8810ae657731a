"""A server on this computer that answers every question with what it was given, and says `affirming` of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from attestation.encoding import b64decode, b64encode
from attestation.policy import NO_CONVERSATION
from tests.cases.case import IDS
from tests.cases.scene import DEPLOYMENT_KEY, EXPECTATION, Scene

RECORD = "0b8c2d35-6d0f-4a70-9f53-5f4d7d9b3c55"


@dataclass
class LyingServer:
    """`forge` turns the honest scene for a question into the one that is answered; `files` are served as they are."""

    address: str
    forge: Callable[[Scene], Scene]
    files: dict[str, bytes] = field(default_factory=dict)
    release: Mapping[str, Any] = field(default_factory=dict)
    log_key: bytes = DEPLOYMENT_KEY.public_key().public_bytes_raw()

    def answer(self, path: str, body: bytes) -> bytes | None:
        if path == "/attestation/evidence":
            return self._evidence(b64decode(json.loads(body)["nonce"]))
        if path == "/attestation/releases":
            return _json({"releases": self._case(bytes(32))["releases"]})
        if path == "/attestation/keys":
            return _json({"log": {"key": b64encode(self.log_key)}})
        return self.files.get(path)

    def _case(self, nonce: bytes) -> dict[str, Any]:
        statement = {"nonce": nonce, "conversation": None, "origin": self.address}
        expectation = {**EXPECTATION, "conversation": NO_CONVERSATION, "origin": self.address}
        return self.forge(Scene(statement=statement, expectation=expectation, release=self.release)).build()

    def _evidence(self, nonce: bytes) -> bytes:
        case = self._case(nonce)
        checks = [{"id": name, "status": "pass", "source": "hardware", "detail": "Good."} for name in IDS]
        verdict = {"outcome": "affirming", "token": case["token"], "checks": checks, "error": None}
        return _json(
            {
                "evidence": {"type": "attest.evidence", "record": RECORD, **case["evidence"]},
                "verdict": {"type": "attest.verdict", "record": RECORD, **verdict},
            }
        )


@contextmanager
def lying_server(forge: Callable[[Scene], Scene], **parts: Any) -> Iterator[LyingServer]:
    """Serve on a free port of this computer."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers["content-length"])))

        def _answer(self, body: bytes) -> None:
            answer = lying.answer(self.path, body)
            self.send_response(404 if answer is None else 200)
            self.send_header("content-length", str(len(answer or b"")))
            self.end_headers()
            self.wfile.write(answer or b"")

        def log_message(self, *args: object) -> None:
            """Say nothing among the test's output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    lying = LyingServer(f"http://127.0.0.1:{server.server_port}", forge, **parts)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield lying
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
