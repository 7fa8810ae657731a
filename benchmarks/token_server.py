"""A model server that only speaks: Ollama's API, tokens at a fixed rate, so that what is measured is not the model.

usage: token_server.py PORT TOKENS_PER_SECOND TOKENS
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import uvicorn

NAME, DIGEST = "bench:latest", "ab" * 32
PIECE = " word"


class TokenServer:
    """Answers every chat with `tokens` pieces, `rate` of them a second (0: as fast as it can)."""

    def __init__(self, rate: float, tokens: int) -> None:
        self._rate, self._tokens = rate, tokens

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]
        if path == "/api/chat":
            await self._chat(receive, send)
            return
        details = {"family": "bench", "parameter_size": "0", "quantization_level": "none"}
        answers: dict[str, Any] = {
            "/api/version": {"version": "0.12.3"},
            "/api/tags": {"models": [{"name": NAME, "model": NAME, "digest": DIGEST, "size": 1, "details": details}]},
            "/api/ps": {"models": []},
            "/api/show": {
                "capabilities": ["completion"],
                "details": details,
                "model_info": {"bench.context_length": 8192},
            },
        }
        await _send_json(send, answers.get(path, {}), status=200 if path in answers else 404)

    async def _chat(self, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send(
            {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/x-ndjson")]}
        )
        loop = asyncio.get_running_loop()
        started = loop.time()
        for number in range(self._tokens):
            if self._rate:
                await asyncio.sleep(started + number / self._rate - loop.time())
            await send({"type": "http.response.body", "body": _line(PIECE, done=False), "more_body": True})
        await send({"type": "http.response.body", "body": _line("", done=True)})


def _line(content: str, *, done: bool) -> bytes:
    line: dict[str, Any] = {
        "model": NAME,
        "created_at": "2026-01-01T00:00:00Z",
        "message": {"role": "assistant", "content": content},
        "done": done,
    }
    return json.dumps(line | ({"done_reason": "stop"} if done else {})).encode() + b"\n"


async def _send_json(send: Any, value: Any, *, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(value).encode()})


if __name__ == "__main__":
    port, rate, tokens = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])
    uvicorn.run(
        TokenServer(rate, tokens), host="127.0.0.1", port=port, log_level="warning", loop="uvloop", lifespan="off"
    )
