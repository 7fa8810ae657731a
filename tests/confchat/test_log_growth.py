"""A running server's transparency log grows with every handshake, and proves to each client that it only grew."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
from tlog_scales.backend import HttpBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tlog import ConsistencyProof

from attestation.encoding import b64decode
from tests.product import Server
from tests.session_client import SessionClient


def log_of(client: SessionClient) -> dict[str, Any]:
    log: dict[str, Any] = json.loads(client.statement)["log"]
    return log


async def ask_until_grown(client: SessionClient, size: int) -> dict[str, Any]:
    """Ask for evidence until it names a longer log: entries are signed for a moment after they are written."""
    for _ in range(20):
        await client.ask()
        if log_of(client)["size"] > size:
            return log_of(client)
        await asyncio.sleep(0.5)
    raise AssertionError("the log does not grow")


async def test_a_session_proves_that_the_log_only_grew(client: SessionClient) -> None:
    await client.ask()
    first = log_of(client)
    assert first["size"] > 0
    assert (await client.open())["consistency"] is None
    second = await ask_until_grown(client, first["size"])
    ready = await client.open(checkpoint={"size": first["size"], "root": first["root"]})
    proof = [b64decode(node, size=32) for node in ready["consistency"]]
    ConsistencyProof(first["size"], second["size"], proof).check(b64decode(first["root"]), b64decode(second["root"]))


async def test_a_checkpoint_that_the_log_never_reached_gets_no_proof(client: SessionClient) -> None:
    await client.ask()
    for size in (log_of(client)["size"], log_of(client)["size"] + 1):
        ready = await client.open(checkpoint={"size": size, "root": log_of(client)["root"]})
        assert ready["consistency"] is None
        await client.ask()


async def test_an_independent_reader_follows_the_log_without_an_account(server: Server, client: SessionClient) -> None:
    await ask_until_grown(client, 0)
    keys = (await asyncio.to_thread(httpx.get, f"{server.address}/attestation/keys")).json()
    reader = TilesReader(HttpBackend(f"{server.address}/attestation/log"))
    checkpoint = await asyncio.to_thread(reader.get_checkpoint)
    checkpoint.verify(Vkey.from_string(keys["log"]["vkey"]))
    assert await asyncio.to_thread(reader.calculate_root_hash) == checkpoint.root_hash
    entries = [json.loads(await asyncio.to_thread(reader.get_entry, index)) for index in range(checkpoint.size)]
    assert entries[0]["kind"] == "policy"
    assert {"attestation", "history key"} <= {entry["kind"] for entry in entries}
    assert not {"user", "conversation", "record"} & {name for entry in entries for name in entry}


async def test_a_deletion_is_written_down(server: Server, client: SessionClient) -> None:
    await client.ask()
    await client.open()
    await client.chat("Name a colour.")
    await client.call("conversation.delete", conversation=client.conversation)
    async with asyncio.timeout(20):
        while "deletion" not in (kinds := await asyncio.to_thread(kinds_of, server)):
            await asyncio.sleep(0.2)
    assert kinds.index("opening") < kinds.index("deletion")


def kinds_of(server: Server) -> list[str]:
    """Return what the log is about, in order."""
    reader = TilesReader(HttpBackend(f"{server.address}/attestation/log"))
    return [json.loads(reader.get_entry(index))["kind"] for index in range(reader.get_checkpoint().size)]
