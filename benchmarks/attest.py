"""How long a new conversation waits for its verdict, on the wire and inside the server.

usage: python -m benchmarks.attest [handshakes]     prints one JSON line; the baseline is a request for /healthz
"""

from __future__ import annotations

import asyncio
import sys
import time

from benchmarks.product import cpu_s, percentile, product, report, token_server
from tests.session_client import SessionClient, account_id, log_in

WARM_UP = 5


async def main(handshakes: int) -> None:
    with token_server(rate=0, tokens=1) as model, product(ollama_host=model) as server:
        pid = server.pid_of("confchat.web_server")
        with log_in(server.address, "user", server.password) as login:
            baseline = []
            for _ in range(handshakes):
                started = time.perf_counter()
                login.get("/healthz")
                baseline.append(1e3 * (time.perf_counter() - started))
            verdicts = []
            async with SessionClient.connected(
                server.address, login.cookies, user=account_id(login), history_key=b"k" * 32
            ) as client:
                for number in range(WARM_UP + handshakes):
                    if number == WARM_UP:
                        before = cpu_s(pid)
                    started = time.perf_counter()
                    verdict = await client.ask()
                    if number >= WARM_UP:
                        verdicts.append(1e3 * (time.perf_counter() - started))
                    assert verdict["outcome"] == "affirming", verdict
            report(
                handshakes=handshakes,
                healthz_ms_p50=percentile(baseline, 0.5),
                verdict_ms_p50=percentile(verdicts, 0.5),
                verdict_ms_p99=percentile(verdicts, 0.99),
                ratio_to_healthz=percentile(verdicts, 0.5) / percentile(baseline, 0.5),
                server_cpu_ms=1e3 * (cpu_s(pid) - before) / handshakes,
            )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
