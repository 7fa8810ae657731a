"""A login that ends takes its sockets with it."""

from __future__ import annotations

import asyncio
import re

import httpx

from tests.confchat.sessions import log_in_user
from tests.product import Server
from tests.session_client import SessionClient


def post(client: httpx.Client, path: str, **form: str) -> httpx.Response:
    token = {"csrfmiddlewaretoken": client.cookies["csrftoken"], **form}
    return client.post(path, data=token, headers={"Origin": str(client.base_url).rstrip("/")})


async def test_ending_a_login_from_elsewhere_closes_its_sockets_at_once(server: Server) -> None:
    with log_in_user(server) as here, log_in_user(server) as there:
        async with SessionClient.connected(server.address, there.cookies) as socket:
            await socket.ask()
            numbers = re.findall(r"/accounts/sessions/(\d+)/end", here.get("/accounts/sessions/").text)
            newest = max(numbers, key=int)
            answer = await asyncio.to_thread(post, here, f"/accounts/sessions/{newest}/end")
            assert answer.status_code == 200
            async with asyncio.timeout(5):
                assert await socket.closed_with() == 4401
        assert here.get("/accounts/").status_code == 200
        assert there.get("/accounts/").url.path == "/accounts/login/"
