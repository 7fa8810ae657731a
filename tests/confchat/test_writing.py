"""Ways of answering that a user chooses, as an independent client asks for them of the real product."""

from __future__ import annotations

import httpx
import pytest

from tests.product import Server
from tests.session_client import SessionClient

FEW_TOKENS = 8
CANARY = "a-canary-of-settings"


async def open_session(client: SessionClient) -> None:
    await client.ask()
    await client.open()


async def test_an_answer_that_was_cut_short_goes_on_as_the_same_message(client: SessionClient) -> None:
    await open_session(client)
    started = await client.ask_model("Count: one, two, three and so on.", tokens=FEW_TOKENS, effort="off")
    first, done = await client.finish()
    assert done["reason"] == "length"
    again = await client.call(
        "chat.continue",
        conversation=client.conversation,
        reply=started["reply"],
        options={"num_predict": FEW_TOKENS},
        effort="off",
    )
    assert again == {**started, "id": again["id"]}
    second, done = await client.finish()
    assert second["content"]
    assert done["usage"]["completion_tokens"] > FEW_TOKENS
    found = await client.call("conversation.open", conversation=client.conversation)
    assert [message["role"] for message in found["messages"]] == ["user", "assistant"]
    assert found["messages"][1]["text"] == first["content"] + second["content"]


async def test_a_model_thinks_as_much_as_it_is_asked_to_and_the_time_is_kept(client: SessionClient) -> None:
    await open_session(client)
    await client.ask_model("What is rain?", tokens=FEW_TOKENS, effort="off")
    texts, done = await client.finish()
    assert texts["thinking"] == ""
    assert "thinking_ms" not in done["usage"]
    await client.ask_model("What is snow?", tokens=FEW_TOKENS, effort="on")
    texts, done = await client.finish()
    assert texts["thinking"]
    found = await client.call("conversation.open", conversation=client.conversation)
    assert found["messages"][-1]["usage"] == done["usage"]
    assert done["usage"]["thinking_ms"] >= 0
    assert done["usage"]["eval_ms"] > 0


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"options": {"temperature": 7}}, "bad_options"),
        ({"options": {"num_gpu": 1}}, "unsupported"),
        ({"effort": "high"}, "unsupported"),
        ({"options": {"num_ctx": 512}, "system": "x" * 2000}, "prompt_too_long"),
    ],
)
async def test_what_cannot_be_asked_for_is_refused_before_it_is_stored(
    client: SessionClient, members: dict[str, object], code: str
) -> None:
    await open_session(client)
    reply = await client.ask_model("What is rain?", **members)
    assert (reply["type"], reply["code"]) == ("error", code)
    reply = await client.call("conversation.open", conversation=client.conversation)
    assert reply["code"] == "not_found"


async def test_models_are_told_with_what_a_choice_depends_on(client: SessionClient) -> None:
    await open_session(client)
    listed = await client.call("model.list")
    model = next(model for model in listed["models"] if model["name"] == listed["default"])
    assert model["listed"] is True
    assert model["loaded"] in (True, False)
    assert model["efforts"] == ["off", "on"]
    assert model["context_tokens"] <= model["context_length"]
    assert listed["options"]["temperature"] == {"kind": "number", "least": 0, "most": 2}


async def test_a_model_that_is_asked_for_is_the_one_that_is_proved(
    server: Server, login: httpx.Client, user: str
) -> None:
    async with SessionClient.connected(server.address, login.cookies, user=user) as client:
        await client.send_question(model="no-such-model:1b")
        assert (await client.receive_clear())["code"] == "model_missing"
        await client.send_question(model="smollm2:135m")
        assert (await client.receive_clear())["type"] == "attest.evidence"


async def test_settings_and_templates_are_kept_encrypted_for_oneself_and_for_a_conversation(
    client: SessionClient, server: Server
) -> None:
    await open_session(client)
    mine = {"model": None, "system": f"Be brief. {CANARY}", "effort": "off", "options": {"temperature": 0.5}}
    assert (await client.call("settings.save", conversation=None, settings=mine))["type"] == "settings.saved"
    refused = await client.call("settings.save", conversation=client.conversation, settings=mine)
    assert refused["code"] == "not_found"
    await client.ask_model("Say yes.", tokens=FEW_TOKENS, effort="off")
    await client.finish()
    here = {**mine, "system": "Only here."}
    await client.call("settings.save", conversation=client.conversation, settings=here)
    templates = [{"name": "Summary", "text": f"Summarise this: {CANARY}"}]
    await client.call("templates.save", templates=templates)
    await open_session(client)
    assert (await client.call("settings.open", conversation=None))["settings"] == mine
    assert (await client.call("templates.open"))["templates"] == templates
    for path in server.data_dir.rglob("*sqlite3*"):
        assert CANARY.encode() not in path.read_bytes()


async def test_settings_out_of_bounds_are_not_kept_and_forgotten_ones_are_gone(client: SessionClient) -> None:
    await open_session(client)
    settings = {"options": {"top_p": 3}}
    assert (await client.call("settings.save", conversation=None, settings=settings))["code"] == "bad_options"
    await client.call("settings.save", conversation=None, settings=None)
    assert (await client.call("settings.open", conversation=None))["settings"] is None
