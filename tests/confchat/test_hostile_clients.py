"""Clients that know the protocol and mean harm: nobody but themselves notices."""

from __future__ import annotations

from tests.session_client import SessionClient


async def test_a_cursor_out_of_all_time_harms_no_later_request(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    reply = await client.call("conversation.list", before="0001-01-01T00:00:00+23:59/1")
    assert (reply["type"], reply["code"]) == ("error", "not_found")
    assert (await client.call("conversation.list"))["type"] == "conversation.list"
