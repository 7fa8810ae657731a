"""The session as an independent client meets it: a real server, real sockets, a real model."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from attestation.encoding import b64encode
from tests.product import Server, running_server
from tests.session_client import SessionClient, account_id, log_in, new_id

KEY = b"k" * 32
CANARY = "xyzzy-canary-prompt"


def log_in_user(server: Server) -> AbstractContextManager[httpx.Client]:
    return log_in(server.address, "user", server.password)


@pytest.fixture(scope="module")
def login(server: Server) -> Iterator[httpx.Client]:
    """The user's login, with his history key enrolled by the first session."""
    with log_in_user(server) as client:
        yield client


@pytest.fixture(scope="module")
def user(login: httpx.Client) -> str:
    return account_id(login)


@pytest.fixture
async def client(server: Server, login: httpx.Client, user: str) -> AsyncIterator[SessionClient]:
    async with SessionClient.connected(server.address, login.cookies, user=user, history_key=KEY) as connected:
        yield connected


@pytest.mark.parametrize("suite", ["MLKEM768-X25519", "X25519"])
async def test_a_green_handshake_leads_to_a_sealed_answer(client: SessionClient, suite: str) -> None:
    verdict = await client.ask(suites=(suite,))
    assert verdict["outcome"] == "affirming"
    assert all(check["status"] == "pass" for check in verdict["checks"])
    ready = await client.open()
    assert ready["outcome"] == "affirming"
    texts, done = await client.chat("Name one colour of the rainbow.")
    assert texts["content"].strip()
    assert texts["thinking"].strip()
    assert done["reason"] == "stop"


async def test_what_was_said_is_there_in_the_next_session(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    await client.chat(f"Say {CANARY} twice.")
    conversation = client.conversation
    await client.ask()
    await client.open()
    listed = await client.call("conversation.list", before=None)
    assert conversation in [entry["conversation"] for entry in listed["conversations"]]
    found = await client.call("conversation.open", conversation=conversation, before=None)
    assert [message["role"] for message in found["messages"]] == ["user", "assistant"]
    assert found["messages"][0]["text"] == f"Say {CANARY} twice."
    assert found["messages"][1]["state"] == "complete"


async def test_a_canary_prompt_is_in_no_file_and_no_output_of_the_server(client: SessionClient, server: Server) -> None:
    await client.ask()
    await client.open()
    await client.chat(f"Repeat: {CANARY}")
    for path in server.data_dir.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert CANARY.encode() not in path.read_bytes(), f"{path} holds the prompt in clear"


async def test_an_answer_can_be_stopped_and_keeps_what_came(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    started = await client.call(
        "chat.send", conversation=client.conversation, message=new_id(), parent=None, text="Count from 1 to 500."
    )
    await client.receive()
    number = await client.request("chat.stop", reply=started["reply"])
    kinds = []
    while "chat.done" not in kinds or "chat.stopped" not in kinds:
        message = await client.receive()
        kinds.append(message["type"])
        if message["type"] == "chat.done":
            assert message["reason"] == "cancelled"
        if message["type"] == "chat.stopped":
            assert message["id"] == number


async def test_frames_of_an_answer_all_have_one_size(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    await client.call(
        "chat.send", conversation=client.conversation, message=new_id(), parent=None, text="Tell me about rain."
    )
    sizes = set()
    async with asyncio.timeout(60):
        while True:
            frame = await client.socket.recv()
            assert isinstance(frame, bytes)
            sizes.add(len(frame))
            client.received += 1
            if len(sizes) > 1 or client.received > 12:
                break
    assert sizes == {8 + 1024 + 16}


async def test_a_prompt_sent_twice_is_answered_once(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    message = {"conversation": client.conversation, "message": new_id(), "parent": None, "text": "Hi."}
    first = await client.call("chat.send", **message)
    texts, _ = await client.finish()
    again = await client.call("chat.send", **message)
    repeated, _ = await client.finish()
    assert (again["reply"], repeated["content"]) == (first["reply"], texts["content"])
    conflict = await client.call("chat.send", **{**message, "text": "Another text."})
    assert conflict["code"] == "message_conflict"


async def test_another_answer_to_the_same_prompt_stands_beside_the_first(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    prompt = new_id()
    await client.call("chat.send", conversation=client.conversation, message=prompt, parent=None, text="Hi.")
    await client.finish()
    await client.call("chat.regenerate", conversation=client.conversation, message=prompt)
    await client.finish()
    found = await client.call("conversation.open", conversation=client.conversation, before=None)
    assert [message["parent"] for message in found["messages"]] == [None, prompt, prompt]


async def test_a_second_prompt_while_an_answer_runs_is_told_to_wait(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    started = await client.call(
        "chat.send", conversation=client.conversation, message=new_id(), parent=None, text="Count to 300."
    )
    await client.request("chat.send", conversation=client.conversation, message=new_id(), parent=None, text="Now!")
    while (message := await client.receive())["type"] != "error":
        pass
    assert (message["code"], message["retry"]) == ("busy", True)
    await client.request("chat.stop", reply=started["reply"])


async def test_an_answer_goes_on_without_its_socket_and_can_be_resumed(
    server: Server, login: httpx.Client, user: str
) -> None:
    connected = SessionClient.connected(server.address, login.cookies, user=user, history_key=KEY)
    async with connected as first:
        await first.ask()
        await first.open()
        started = await first.call(
            "chat.send", conversation=first.conversation, message=new_id(), parent=None, text="Tell a story."
        )
        head = await first.receive()
        conversation = first.conversation
    seen = {name: len(head.get(name, "")) for name in ("thinking", "content")}
    async with SessionClient.connected(server.address, login.cookies, user=user, history_key=KEY) as second:
        await second.ask(conversation=conversation)
        await second.open()
        await second.request("chat.resume", reply=started["reply"], offsets=seen)
        texts, done = await second.finish()
        assert done["reason"] in ("stop", "length")
        stored = await second.call("conversation.open", conversation=conversation, before=None)
    assert stored["messages"][1]["text"] == head.get("content", "") + texts["content"]


async def test_without_a_history_key_nothing_is_stored(server: Server, login: httpx.Client, user: str) -> None:
    async with SessionClient.connected(server.address, login.cookies, user=user, history_key=None) as guest:
        await guest.ask()
        await guest.open()
        texts, _ = await guest.chat("Hi.")
        assert texts["content"]
        assert (await guest.call("conversation.list", before=None))["conversations"] == []
        conversation = guest.conversation
    async with SessionClient.connected(server.address, login.cookies, user=user, history_key=KEY) as owner:
        await owner.ask()
        await owner.open()
        reply = await owner.call("conversation.open", conversation=conversation, before=None)
        assert reply["code"] == "not_found"


async def test_requests_for_what_is_not_there_have_their_codes(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    other = new_id()
    for kind, members, code in [
        (
            "chat.send",
            {"conversation": other, "message": new_id(), "parent": None, "text": "x"},
            "conversation_mismatch",
        ),
        (
            "chat.send",
            {"conversation": client.conversation, "message": new_id(), "parent": other, "text": "x"},
            "not_found",
        ),
        ("chat.stop", {"reply": other}, "not_found"),
        ("chat.resume", {"reply": other, "offsets": {"thinking": 0, "content": 0}}, "not_found"),
        ("chat.regenerate", {"conversation": client.conversation, "message": other}, "not_found"),
        ("conversation.open", {"conversation": other, "before": None}, "not_found"),
        ("conversation.delete", {"conversation": other}, "not_found"),
        ("conversation.fold", {}, "unsupported"),
    ]:
        reply = await client.call(kind, **members)
        assert (reply["type"], reply["code"]) == ("error", code), kind


async def test_a_conversation_can_be_renamed_and_deleted(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    await client.chat("Hi.")
    await client.call("conversation.rename", conversation=client.conversation, title="Renamed")
    found = await client.call("conversation.open", conversation=client.conversation, before=None)
    assert found["title"] == "Renamed"
    await client.call("conversation.delete", conversation=client.conversation)
    gone = await client.call("conversation.open", conversation=client.conversation, before=None)
    assert gone["code"] == "not_found"


# --- what bad input gets --------------------------------------------------------------------------


async def test_a_stranger_is_told_to_log_in(server: Server) -> None:
    async with SessionClient.connected(server.address, None) as stranger:
        assert await stranger.closed_with() == 4401


async def test_another_origin_is_refused(server: Server, login: httpx.Client) -> None:
    async with SessionClient.connected(server.address, login.cookies, origin="https://evil.example") as other:
        assert await other.closed_with() == 4403


async def test_another_subprotocol_is_refused(server: Server, login: httpx.Client) -> None:
    async with SessionClient.connected(server.address, login.cookies, subprotocols=("confchat.v9",)) as other:
        assert await other.closed_with() == 4400


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"type":"attest.request"}',
        '{"type":"chat.send","text":"in clear"}',
        '{"type":"attest.request","type":"attest.request"}',
        f'{{"type":"attest.request","nonce":"AAAA","conversation":"{new_id()}","suites":["X25519"]}}',
        f'{{"type":"attest.request","nonce":"{b64encode(bytes(32))}","conversation":"{new_id()}","suites":["P256"]}}',
        " " * 17_000,
    ],
)
async def test_a_malformed_clear_frame_ends_the_socket(client: SessionClient, text: str) -> None:
    await client.socket.send(text)
    error = await client.receive_clear()
    assert error == {"type": "error", "code": "bad_message", "retry": False}
    assert await client.closed_with() == 4400


async def test_content_before_a_session_ends_the_socket(client: SessionClient) -> None:
    await client.socket.send(b"\0" * 1048)
    assert await client.closed_with() == 4400


@pytest.mark.parametrize("spoil", ["replay", "skip", "change", "short", "unpadded"])
async def test_a_spoiled_sealed_frame_ends_the_session(client: SessionClient, spoil: str) -> None:
    await client.ask()
    await client.open()
    frame = client.seal(b'{"type":"model.list","id":1}')
    if spoil == "replay":
        await client.socket.send(frame)
        await client.receive()
    elif spoil == "skip":
        frame = client.seal(b'{"type":"model.list","id":2}')
    elif spoil == "change":
        frame = frame[:-1] + bytes([frame[-1] ^ 1])
    elif spoil == "short":
        frame = frame[:7]
    else:
        frame = frame[:-1]
    await client.socket.send(frame)
    assert await client.closed_with() == 4400


async def test_a_record_is_opened_once(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    keys, sent, received = client.keys, client.sent, client.received
    await client.send_opening()
    error = await client.receive_clear()
    assert error["code"] == "record_unknown"
    client.keys, client.sent, client.received = keys, sent, received
    assert (await client.call("model.list"))["type"] == "model.list"


async def test_another_sockets_record_cannot_be_opened(
    client: SessionClient, server: Server, login: httpx.Client, user: str
) -> None:
    await client.ask()
    async with SessionClient.connected(server.address, login.cookies, user=user, history_key=KEY) as thief:
        await thief.ask()
        thief.evidence = client.evidence
        await thief.send_opening()
        assert (await thief.receive_clear())["code"] == "record_unknown"


async def test_an_opening_that_was_not_sealed_to_this_key_is_refused(client: SessionClient) -> None:
    await client.ask()
    sealed = b64encode(os.urandom(1200))
    record = client.evidence["record"]
    await client.clear({"type": "session.open", "record": record, "suite": "MLKEM768-X25519", "sealed": sealed})
    assert (await client.receive_clear())["code"] == "opening_malformed"
    assert await client.closed_with() == 4400


async def test_an_opening_with_unknown_members_is_refused(client: SessionClient) -> None:
    await client.ask()
    await client.send_opening(more=1)
    assert (await client.receive_clear())["code"] == "opening_malformed"


async def test_an_opening_for_another_account_is_refused(client: SessionClient) -> None:
    await client.ask()
    await client.send_opening(user=new_id())
    assert (await client.receive_clear())["code"] == "wrong_account"


async def test_a_client_that_saw_red_is_not_let_in_under_require(client: SessionClient) -> None:
    await client.ask()
    await client.send_opening(outcome="contraindicated", accept_risk=True, history_key=None, enroll=False)
    assert (await client.receive_clear())["code"] == "refused_by_policy"
    assert await client.closed_with() == 4403


async def test_another_history_key_is_refused_and_never_enrolled(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    await client.ask()
    keys, sent, received = client.keys, client.sent, client.received
    await client.send_opening(history_key=b64encode(bytes(32)), enroll=True)
    assert (await client.receive_clear())["code"] == "history_key_wrong"
    client.keys, client.sent, client.received = keys, sent, received
    assert (await client.call("model.list"))["type"] == "model.list", "the session before it goes on"


async def test_an_early_opening_waits_for_the_verdict(client: SessionClient) -> None:
    client.conversation, nonce = new_id(), b64encode(os.urandom(32))
    await client.clear(
        {"type": "attest.request", "nonce": nonce, "conversation": client.conversation, "suites": ["X25519"]}
    )
    client.evidence = await client.receive_clear()
    client.verdict = {"outcome": "affirming"}
    await client.send_opening()
    kinds = [(await client.receive_clear())["type"] for _ in range(2)]
    assert kinds == ["attest.verdict", "session.switch"]


async def test_a_second_request_in_flight_is_refused_and_harms_nothing(client: SessionClient) -> None:
    request = {
        "type": "attest.request",
        "nonce": b64encode(os.urandom(32)),
        "conversation": new_id(),
        "suites": ["X25519"],
    }
    await client.clear(request)
    await client.clear(request)
    kinds = [(await client.receive_clear()) for _ in range(3)]
    assert sorted(message["type"] for message in kinds) == ["attest.evidence", "attest.verdict", "error"]
    assert [message["code"] for message in kinds if message["type"] == "error"] == ["handshake_in_flight"]


# --- what becomes of a conversation when things break ---------------------------------------------


async def test_a_partial_answer_survives_a_killed_server(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as own, log_in_user(own) as login:
        user = account_id(login)
        async with SessionClient.connected(own.address, login.cookies, user=user, history_key=KEY) as client:
            await client.ask()
            await client.open()
            await client.call(
                "chat.send", conversation=client.conversation, message=new_id(), parent=None, text="Count to 900."
            )
            texts = {"thinking": "", "content": ""}
            deadline = asyncio.get_running_loop().time() + 2.5
            while asyncio.get_running_loop().time() < deadline:
                message = await client.receive()
                for name in texts:
                    texts[name] += message.get(name, "")
            conversation = client.conversation
            os.kill(own.pid_of("confchat.web_server"), signal.SIGKILL)
        for _ in range(100):
            await asyncio.sleep(0.1)
            try:
                if login.get("/healthz").status_code == 200:
                    break
            except httpx.TransportError:
                continue
        async with SessionClient.connected(own.address, login.cookies, user=user, history_key=KEY) as client:
            await client.ask(conversation=conversation)
            await client.open()
            found = await client.call("conversation.open", conversation=conversation, before=None)
    prompt, answer = found["messages"]
    assert prompt["text"] == "Count to 900."
    assert (answer["state"], answer["reason"]) == ("incomplete", "truncated")
    stored = answer["thinking"] + answer["text"]
    assert stored
    assert (texts["thinking"] + texts["content"]).startswith(stored[:50])


async def test_under_warn_a_risk_is_accepted_only_when_the_machine_itself_is_proved(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", CONFCHAT_POLICY="warn") as own, log_in_user(own) as login:
        user = account_id(login)
        for change, opens in (("outdated", True), ("debug", False), ("revoke", False)):
            own.manage("simulator", "restore")
            own.manage("simulator", change)
            async with SessionClient.connected(own.address, login.cookies, user=user) as client:
                verdict = await client.ask()
                assert verdict["outcome"] == "contraindicated", change
                await client.send_opening(accept_risk=True)
                reply = await client.receive_clear()
                assert reply["type"] == ("session.switch" if opens else "error"), (change, reply)


async def test_a_history_key_with_a_risk_accepted_is_refused(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", CONFCHAT_POLICY="warn") as own:
        own.manage("simulator", "outdated")
        with log_in_user(own) as login:
            user = account_id(login)
            async with SessionClient.connected(own.address, login.cookies, user=user, history_key=KEY) as client:
                await client.ask()
                await client.send_opening(accept_risk=True)
                assert (await client.receive_clear())["code"] == "refused_by_policy"
