"""Files are sent in sealed pieces, read, and used: whole where they fit, else by their nearest passages."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from attestation.encoding import b64encode
from confchat.documents.desk import Desk
from confchat.documents.document import Document
from confchat.documents.exported import parse_exported
from confchat.documents.retrieval import select_passages
from confchat.errors import RequestError
from confchat.prompting import build_prompt
from confchat.turns import Turn
from tests.confchat.sessions import KEY
from tests.confchat.test_documents import pdf
from tests.product import Server
from tests.session_client import SessionClient, new_id

CANARY = "a-canary-in-a-file"
OWNER = ("a user", "a conversation", b"secret")


def document(*pages: str, image: bytes | None = None) -> Document:
    return Document(uuid=new_id(), name='a "report".pdf', kind="pdf", size=9, unit="page", pages=pages, image=image)


def asked(text: str, *documents: Document) -> Turn:
    told = tuple(item.told() for item in documents)
    return Turn(uuid=new_id(), parent=None, role="user", text=text, attachments=told)


def test_short_document_is_given_whole() -> None:
    short = document("The first page.", "", "The third page.")
    messages, passages = build_prompt(
        [asked("What is it?", short)], tokens=2048, documents={short.uuid: short}, sees=False, mark="m4rk"
    )

    assert [(passage.page, passage.text) for passage in passages] == [(1, "The first page."), (3, "The third page.")]
    assert '--- m4rk [2] "a \\"report\\".pdf", page 3\nThe third page.\n' in messages[0].content
    assert messages[0].content.endswith("What is it?")


@pytest.mark.parametrize(
    ("question", "needle"),
    [
        ("When does the warranty of the pump end?", "The pump's warranty ends in May."),
        ("保証期間はいつまでですか", "ポンプの保証期間は五月までです。"),
    ],
)
def test_of_a_long_document_the_nearest_passages_are_given(question: str, needle: str) -> None:
    pages = [f"Page {number} is about other things entirely. " * 40 for number in range(100)]
    pages[70] += f"\n{needle}"
    long = document(*pages)
    messages, passages = build_prompt(
        [asked(question, long)], tokens=2048, documents={long.uuid: long}, sees=False, mark="m"
    )

    assert needle in messages[0].content
    assert any(passage.page == 71 for passage in passages)
    assert len(messages[0].content.encode()) < 2048 * 3 * 3 / 4
    assert all(one.text == pages[one.page - 1][one.start : one.end] for one in passages)


def test_passages_make_up_their_page() -> None:
    text = "A sentence. Another one without an end " * 500
    passages = select_passages([document(text)], "", room=10**9)
    assert "".join(passage.text for passage in passages) == text
    assert select_passages([document(text)], 'NEAR("x" OR', room=2000)
    assert select_passages([document(text)], "x", room=0) == []


def test_images_go_to_models_that_see_alone() -> None:
    picture = document(image=b"jpeg")
    for sees, images in ((True, (b"jpeg",)), (False, ())):
        messages, _ = build_prompt(
            [asked("What is it?", picture)], tokens=2048, documents={picture.uuid: picture}, sees=sees, mark="m"
        )
        assert messages[0].images == images


def test_desk_takes_no_more_than_its_share_and_forgets() -> None:
    now = [0.0]
    desk = Desk(clock=lambda: now[0])
    for _ in range(3):
        desk.begin(OWNER, new_id(), name="a", size=20 * 1024 * 1024)
    with pytest.raises(RequestError, match="attachments_full"):
        desk.begin(OWNER, new_id(), name="a", size=1)
    with pytest.raises(RequestError, match="attachment_too_large"):
        desk.begin(OWNER, new_id(), name="a", size=21 * 1024 * 1024)
    now[0], kept = 3601, new_id()
    desk.begin(OWNER, kept, name="a", size=1)
    assert desk.find(OWNER, kept)
    now[0] = 7202
    desk.forget_old()
    with pytest.raises(RequestError, match="not_found"):
        desk.find(OWNER, kept)


async def attach(
    client: SessionClient, data: bytes, *, name: str, piece: int = 300_000, ends_with: str = "attachment.read"
) -> dict[str, Any]:
    attachment = new_id()
    state = await client.call(
        "attachment.begin", conversation=client.conversation, attachment=attachment, name=name, size=len(data)
    )
    while state["offset"] < len(data):
        part = data[state["offset"] : state["offset"] + piece]
        state = await client.call("attachment.put", attachment=attachment, offset=state["offset"], data=b64encode(part))
    return await client.call(ends_with, attachment=attachment)


async def test_file_is_sent_read_stored_encrypted_and_shown(
    server: Server, login: httpx.Client, user: str, client: SessionClient
) -> None:
    await client.ask()
    await client.open()
    state = await attach(client, pdf([f"{CANARY} one", "page two"]), name=f"{CANARY}.pdf", piece=200)
    told = state["file"]
    assert (told["kind"], told["pages"], told["unit"]) == ("pdf", 2, "page")
    started = await client.ask_model("What is in it?", attachments=[told["attachment"]])
    assert started["type"] == "chat.started", started
    await client.finish()
    found = await client.call("conversation.open", conversation=client.conversation)
    prompt, answer = found["messages"]
    assert prompt["attachments"] == [told]
    assert [source["page"] for source in answer["sources"]] == [1, 2]
    sources = await client.call("attachment.sources", reply=answer["message"])
    assert sources["sources"] == answer["sources"]
    place = {"conversation": client.conversation, "attachment": told["attachment"]}
    page = await client.call("attachment.open", **place, page=2)
    assert page["text"] == "page two"
    assert (await client.call("attachment.open", **place, page=3))["code"] == "not_found"
    stored = [path.read_bytes() for path in server.data_dir.rglob("*") if path.is_file()]
    assert not any(CANARY.encode() in content for content in stored)
    async with SessionClient.connected(server.address, login.cookies, user=user, history_key=KEY) as other:
        await other.ask()
        await other.open()
        assert (await other.call("attachment.open", **place, page=1))["text"] == f"{CANARY} one"
        await other.call("conversation.delete", conversation=client.conversation)
        assert (await other.call("attachment.open", **place, page=1))["code"] == "not_found"


async def test_what_cannot_be_attached_is_refused_in_words(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    refused = await attach(client, b"\x7fELF\0\0", name="a.out")
    assert refused["code"] == "document_kind"
    reply = await client.ask_model("What is it?", attachments=[new_id()])
    assert reply["code"] == "attachment_missing"
    reply = await client.call("attachment.put", attachment=new_id(), offset=0, data="")
    assert reply["code"] == "not_found"


async def test_attachments_of_a_temporary_chat_are_in_memory_alone(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    state = await attach(client, b"A short text.", name="a.txt")
    await client.ask_model("What is it?", attachments=[state["attachment"]], temporary=True)
    await client.finish()
    place = {"conversation": client.conversation, "attachment": state["attachment"]}
    assert (await client.call("attachment.open", **place, page=1))["text"] == "A short text."
    listed = await client.call("conversation.list")
    assert client.conversation not in json.dumps(listed)


async def test_exported_documents_come_back_with_their_messages(client: SessionClient) -> None:
    await client.ask()
    await client.open()
    exported = {"name": "x", "kind": "pdf", "size": 7, "unit": "page", "texts": ["one", "two"], "image": None}
    put = await attach(client, json.dumps(exported).encode(), name="a.pdf", ends_with="attachment.restore")
    uuid, conversation, message = put["attachment"], new_id(), new_id()
    assert (put["file"]["kind"], put["file"]["pages"], put["file"]["size"]) == ("pdf", 2, 7)
    prompt = {"message": message, "parent": None, "role": "user", "text": "?", "attachments": [uuid, new_id()]}
    answer = {"message": new_id(), "parent": message, "role": "assistant", "text": "So [1]."}
    cited = {"n": 1, "attachment": uuid, "page": 2, "start": 0, "end": 3}
    told = [{**each, "thinking": "", "model": "m", "created_at": 5} for each in (prompt, answer)]
    told[1]["sources"] = [cited]
    place = {"conversation": conversation, "title": "T", "updated_at": 2_000_000_000, "messages": told}
    for _ in range(2):
        assert (await client.call("conversation.import", **place))["type"] == "conversation.changed"
    found = (await client.call("conversation.open", conversation=conversation))["messages"]
    assert (found[0]["attachments"], found[1]["sources"]) == ([put["file"]], [cited])
    page = await client.call("attachment.open", conversation=conversation, attachment=uuid, page=2)
    assert page["text"] == "two"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"kind": "virus"}, "document_unreadable"),
        ({"size": -1}, "document_unreadable"),
        ({"texts": [7]}, "document_unreadable"),
        ({"texts": ["\ud800"]}, "document_unreadable"),
        ({"texts": ["a"] * 3001}, "document_too_large"),
        ({"kind": "image", "image": "?"}, "document_unreadable"),
        ({"kind": "image"}, "document_unreadable"),
    ],
)
def test_what_is_no_exported_document_is_refused(change: dict[str, Any], code: str) -> None:
    members = {"kind": "pdf", "size": 7, "unit": "page", "texts": ["one"], "image": None, **change}
    with pytest.raises(RequestError, match=code):
        parse_exported(new_id(), json.dumps(members).encode(), name="a")
    with pytest.raises(RequestError, match="document_unreadable"):
        parse_exported(new_id(), b"[" * 100_000, name="a")
