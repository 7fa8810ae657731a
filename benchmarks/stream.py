"""What a sealed session adds to an answer: first token and CPU, beside the same tokens straight from the model server.

usage: python -m benchmarks.stream [streams …]        prints one JSON line for each number of streams
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import httpx

from benchmarks.product import cpu_s, percentile, product, report, token_server
from benchmarks.token_server import NAME
from tests.product import Server
from tests.session_client import SessionClient, account_id, log_in, new_id

RATE, TOKENS, ROUNDS = 50.0, 200, 3
PROMPT = "Speak."


async def main(counts: list[int]) -> None:
    with token_server(rate=RATE, tokens=TOKENS) as model, product(ollama_host=model) as server:
        for count in counts:
            direct = [first for _ in range(ROUNDS) for first in await _direct(model, count)]
            rounds = [await _sealed(server, count) for _ in range(ROUNDS)]
            sealed = [first for firsts, _ in rounds for first in firsts]
            report(
                streams=count,
                tokens=ROUNDS * count * TOKENS,
                direct_first_token_ms_p50=1e3 * percentile(direct, 0.5),
                sealed_first_token_ms_p50=1e3 * percentile(sealed, 0.5),
                added_first_token_ms_p50=1e3 * (percentile(sealed, 0.5) - percentile(direct, 0.5)),
                ratio_first_token=percentile(sealed, 0.5) / percentile(direct, 0.5),
                server_cpu_s_per_10k_tokens=sum(used for _, used in rounds) * 10_000 / (ROUNDS * count * TOKENS),
            )


async def _direct(model: str, count: int) -> list[float]:
    """Return the time to the first token of `count` streams straight from the model server."""
    async with httpx.AsyncClient(base_url=model, timeout=60, trust_env=False) as client:
        await asyncio.gather(*(client.get("/api/version") for _ in range(count)))  # connections stand, as ours do

        async def once() -> float:
            started, first = time.perf_counter(), 0.0
            body = {"model": NAME, "messages": [{"role": "user", "content": PROMPT}]}
            async with client.stream("POST", "/api/chat", json=body) as response:
                async for line in response.aiter_lines():
                    first = first or time.perf_counter() - started
                    if json.loads(line)["done"]:
                        break
            return first

        return list(await asyncio.gather(*(once() for _ in range(count))))


async def _sealed(server: Server, count: int) -> tuple[list[float], float]:
    """Return the times from prompt to first token of `count` open sessions, and the CPU time of their answers."""
    ready = asyncio.Barrier(count + 1)
    pid = server.pid_of("confchat.web_server")

    async def once(cookies: httpx.Cookies, user: str) -> float:
        async with SessionClient.connected(server.address, cookies, user=user, history_key=b"k" * 32) as client:
            await client.ask()
            await client.open()
            await ready.wait()
            started, first = time.perf_counter(), 0.0
            await client.request(
                "chat.send", conversation=client.conversation, message=new_id(), parent=None, text=PROMPT
            )
            while (message := await client.receive())["type"] != "chat.done":
                if not first and message["type"] == "chat.delta":
                    first = time.perf_counter() - started
            return first

    with log_in(server.address, "user", server.password) as login:
        user = account_id(login)
        sessions = [asyncio.create_task(once(login.cookies, user)) for _ in range(count)]
        await ready.wait()
        before = cpu_s(pid)
        return list(await asyncio.gather(*sessions)), cpu_s(pid) - before


if __name__ == "__main__":
    asyncio.run(main([int(value) for value in sys.argv[1:]] or [1, 10, 50]))
