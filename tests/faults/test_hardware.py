"""The whole handshake with a quote from each interface of a TDX guest."""

from __future__ import annotations

import re

import httpx

from attestation.hardware.sources import SOURCES
from tests.confchat.sessions import KEY
from tests.faults.installation import Installation, beside
from tests.faults.surroundings import Surroundings
from tests.session_client import SessionClient


async def test_session_opens_with_a_quote_from_each_interface(
    installation: Installation, surroundings: Surroundings, login: httpx.Client, user: str
) -> None:
    with beside(installation, program="tests.faults.hardware_server") as server:
        for _ in range(2 * len(SOURCES)):
            async with SessionClient.connected(server.address, login.cookies, user=user, history_key=KEY) as client:
                await client.ask()
                await client.open()
        through = re.findall(r"a quote through (\w+)", "".join(server.log))
    assert set(through) == set(SOURCES)
    assert len(through) >= 2 * len(SOURCES)
