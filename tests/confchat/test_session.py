"""A conversation as an independent client has it: a real server, real sockets, a real model."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from tests.confchat.sessions import KEY
from tests.product import Server
from tests.session_client import SessionClient, new_id

CANARY = "xyzzy-canary-prompt"


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
    assert done["reason"] in ("stop", "length")


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
    started = await client.ask_model("Count from 1 to 500.", tokens=400)
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
    await client.ask_model("Tell me about rain.", tokens=400)
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
    message = new_id()
    first = await client.ask_model("Hi.", message=message)
    texts, _ = await client.finish()
    again = await client.ask_model("Hi.", message=message)
    repeated, _ = await client.finish()
    assert (again["reply"], repeated["content"]) == (first["reply"], texts["content"])
    conflict = await client.ask_model("Another text.", message=message)
    assert conflict["code"] == "message_conflict"


async def test_another_answer_to_the_same_prompt_stands_beside_the_first(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    prompt = new_id()
    await client.ask_model("Hi.", message=prompt)
    await client.finish()
    options = {"num_predict": 8}
    await client.call("chat.regenerate", conversation=client.conversation, message=prompt, options=options)
    await client.finish()
    found = await client.call("conversation.open", conversation=client.conversation, before=None)
    assert [message["parent"] for message in found["messages"]] == [None, prompt, prompt]


async def test_a_second_prompt_while_an_answer_runs_is_told_to_wait(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    started = await client.ask_model("Count to 300.", tokens=400)
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
        started = await first.ask_model("Tell a story.", tokens=80)
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


async def test_a_renewed_session_without_a_key_goes_on_only_for_who_knows_the_value(
    server: Server, login: httpx.Client, user: str
) -> None:
    async with SessionClient.connected(server.address, login.cookies, user=user, history_key=None) as guest:
        await guest.ask()
        before = await guest.open()
        started = await guest.ask_model("Hi.")
        texts, _ = await guest.finish()
        offsets = {name: len(text) for name, text in texts.items()}
        await guest.ask(conversation=guest.conversation)
        await guest.open()
        blind = await guest.ask_model("And now?", parent=started["reply"])
        assert blind["code"] == "not_found"
        stranger = await guest.call("chat.resume", reply=started["reply"], offsets=offsets)
        assert stranger["code"] == "not_found"
        known = await guest.call("chat.resume", reply=started["reply"], offsets=offsets, resume=before["resume"])
        assert known["type"] == "chat.done"
        again = await guest.ask_model("And now?", parent=started["reply"])
        assert again["type"] == "chat.started"


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
    deleted = await client.call("conversation.delete", conversation=client.conversation)
    assert deleted["until"] > time.time()
    gone = await client.call("conversation.open", conversation=client.conversation, before=None)
    assert gone["code"] == "not_found"


async def test_a_prompt_can_be_edited_and_the_model_gets_only_the_branch_in_view(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    first, second = new_id(), new_id()
    await client.ask_model("My dog is called Rex.", message=first)
    await client.finish()
    edited = {"message": second, "edited": first, "text": "My cat is called Tom.", "options": {"num_predict": 8}}
    started = await client.call("chat.edit", conversation=client.conversation, **edited)
    assert started["type"] == "chat.started"
    await client.finish()
    await client.call("conversation.show", conversation=client.conversation, message=first)
    found = await client.call("conversation.open", conversation=client.conversation, before=None)
    prompts = {message["message"]: message["parent"] for message in found["messages"] if message["role"] == "user"}
    assert prompts == {first: None, second: None}
    assert found["shown"] == first


async def test_a_temporary_conversation_is_stored_nowhere_and_goes_on_in_the_session(
    client: SessionClient, server: Server
) -> None:
    await client.ask()
    await client.open()
    first = new_id()
    started = await client.ask_model("A passing thought.", message=first, temporary=True)
    await client.finish()
    refused = await client.ask_model("More.", parent=started["reply"])
    assert refused["code"] == "conversation_mismatch", "it would be stored from here on"
    more = await client.ask_model("More.", parent=started["reply"], temporary=True)
    assert more["type"] == "chat.started"
    await client.finish()
    listed = await client.call("conversation.list", before=None)
    assert client.conversation not in [entry["conversation"] for entry in listed["conversations"]]


async def test_conversations_are_arranged_under_the_history_key(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    await client.chat("Hello.")
    folder = new_id()
    await client.call("folder.name", folder=folder, name="Work")
    place = {"conversation": client.conversation}
    await client.call("conversation.move", **place, folder=folder)
    await client.call("conversation.pin", **place, pinned=True)
    await client.call("conversation.archive", **place, archived=True)
    listed = await client.call("conversation.list", before=None)
    entry = next(item for item in listed["conversations"] if item["conversation"] == client.conversation)
    assert (entry["folder"], entry["pinned"], entry["archived"]) == (folder, True, True)
    assert {"folder": folder, "name": "Work"} in (await client.call("folder.list"))["folders"]
    assert folder not in [item["folder"] for item in (await client.call("folder.delete", folder=folder))["folders"]]


async def test_the_model_names_a_conversation_that_its_user_has_not_named(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    await client.chat("Name one colour.")
    titled = await client.call("conversation.title", conversation=client.conversation)
    assert titled["title"]
    await client.call("conversation.rename", conversation=client.conversation, title="Mine")
    assert (await client.call("conversation.title", conversation=client.conversation))["title"] == "Mine"
