"""Long documents are searched by meaning too, where a measured model makes vectors; else by their words, none lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from django.contrib.auth import get_user_model
from pytest_django import Settings

from confchat.attachments import keep_documents
from confchat.conversations import Shelf
from confchat.documents.document import Document
from confchat.documents.retrieval import Nearness, select_passages
from confchat.documents.vectors import Vectors, closeness, make_vectors, pack_vectors, unpack_vectors
from confchat.embedding import BATCH, Embedder
from confchat.errors import RequestError
from confchat.llm import ModelDescription
from confchat.llm.ollama import OllamaModel
from confchat.models import Attachment, AttachmentVectors
from confchat.turns import Turn
from tests.confchat.ollama_stand_in import StandIn, serve, tag_entry
from tests.session_client import new_id

OWNER = ("a user", "a conversation", b"secret")
QUESTION = "How warm may it become?"
NEEDLE = "The boiler must never exceed ninety degrees."
DIGEST = f"sha256:{'ab' * 32}"


def meaning(text: str) -> list[float]:
    """Stand in for a model that knows that warmth and degrees are near, and all else somewhat farther."""
    is_near = "warm" in text or "degrees" in text
    return [1.0, 0.0] if is_near else [0.01 * (len(text) % 89), 1.0]


def described(name: str = "small:latest", digest: str = DIGEST) -> ModelDescription:
    return ModelDescription(
        name=name, digest=digest, backend="b", context_length=512, thinks=False, simulated_thinking=False, size=1
    )


def long_document() -> Document:
    pages = [f"Page {number} tells of how it may become other things. " * (30 + number % 5) for number in range(60)]
    pages[40] = "Boilers are made of iron. " * 40 + NEEDLE
    return Document(uuid=new_id(), name="boiler.pdf", kind="pdf", size=9, unit="page", pages=tuple(pages))


@pytest.fixture
async def model_server() -> AsyncIterator[StandIn]:
    tags = {"models": [tag_entry("small:latest"), tag_entry("nomic-embed-text:latest")]}
    async with serve(StandIn(vector_of=meaning, tags=tags)) as stand_in:
        yield stand_in


@pytest.fixture
async def model(model_server: StandIn) -> AsyncIterator[OllamaModel]:
    model = OllamaModel(model_server.host)
    yield model
    await model.close()


class Kept:
    """Keeps vectors where a shelf would."""

    def __init__(self) -> None:
        self.found: dict[str, Vectors] = {}

    async def read(self, document: Document) -> Vectors | None:
        return self.found.get(document.uuid)

    async def keep(self, document: Document, vectors: Vectors) -> None:
        self.found[document.uuid] = vectors


async def nearness(
    embedder: Embedder, document: Document, kept: Kept, embedding: ModelDescription | None = None
) -> Nearness | None:
    return await embedder.nearness(
        OWNER, [document], QUESTION, embedding=embedding or described(), read=kept.read, keep=kept.keep
    )


async def test_passage_without_a_word_of_the_question_is_found_by_its_meaning(model: OllamaModel) -> None:
    document, room = long_document(), 3000
    assert not any(passage.page == 41 for passage in select_passages([document], QUESTION, room=room))
    near = await nearness(Embedder(model), document, Kept())
    chosen = select_passages([document], QUESTION, room=room, nearness=near)
    assert any(NEEDLE in passage.text for passage in chosen)
    assert len(chosen) > 1


async def test_vectors_are_made_once_for_each_model(model_server: StandIn, model: OllamaModel) -> None:
    document, kept, embedder = long_document(), Kept(), Embedder(model)
    embedder.begin(OWNER, document, described())
    await asyncio.gather(nearness(embedder, document, kept), nearness(embedder, document, kept))
    await nearness(embedder, document, kept)
    asked = [body["input"] for body in model_server.asked if "input" in body]
    passages = [texts for texts in asked if texts != [QUESTION]]
    assert len(passages) == -(-sum(map(len, passages)) // BATCH)
    assert len(asked) - len(passages) == 3


async def test_families_are_asked_in_their_own_form(model_server: StandIn, model: OllamaModel) -> None:
    await nearness(Embedder(model), long_document(), Kept(), described("nomic-embed-text:latest"))
    texts = [text for body in model_server.asked for text in body["input"]]
    assert texts[0] == f"search_query: {QUESTION}"
    assert all(text.startswith("search_document: ") for text in texts[1:])


async def test_server_that_fails_is_left_alone_for_a_while(model_server: StandIn, model: OllamaModel) -> None:
    now = [0.0]
    document, kept, embedder = long_document(), Kept(), Embedder(model, clock=lambda: now[0])
    model_server.status, model_server.error = 500, "the canary sings"
    assert await nearness(embedder, document, kept) is None
    asked = len(model_server.asked)
    assert await nearness(embedder, document, kept) is None
    assert len(model_server.asked) == asked
    now[0], model_server.error = 61.0, None
    assert await nearness(embedder, document, kept) is not None


async def test_answer_does_not_wait_long_and_the_next_one_has_the_vectors(
    model_server: StandIn, model: OllamaModel
) -> None:
    document, kept, embedder = long_document(), Kept(), Embedder(model, wait_s=0.0)
    making = embedder.begin(OWNER, document, described())
    assert await nearness(embedder, document, kept) is None
    assert await making is not None
    patient = Embedder(model)
    patient._making = embedder._making
    assert await nearness(patient, document, kept) is not None
    assert len(kept.found) == 1


def test_vectors_are_small_and_keep_their_direction() -> None:
    vectors = make_vectors([[0.1, -0.2, 0.3], [0.0, 0.0, 0.0], [float("nan"), 1.0, 1.0]])
    again = unpack_vectors(pack_vectors(vectors))
    assert again == vectors
    assert closeness(again, [0.2, -0.4, 0.6]) == pytest.approx([1.0, 0.0, 0.0], abs=1e-4)
    assert closeness(again, [1.0, 2.0]) == []


def test_vectors_that_do_not_fit_a_document_are_not_used() -> None:
    document = long_document()
    astray = Nearness([1.0, 0.0], {document.uuid: make_vectors([[1.0, 0.0]])})
    assert select_passages([document], QUESTION, room=3000, nearness=astray) == select_passages(
        [document], QUESTION, room=3000
    )


@pytest.mark.django_db
def test_vectors_are_stored_encrypted_by_model_and_go_with_their_document(settings: Settings) -> None:
    user = get_user_model().objects.create_user("reader")
    shelf, conversation, document = Shelf(bytes(32), user=str(user.pk)), new_id(), long_document()
    prompt = Turn(uuid=new_id(), parent=None, role="user", text="?", attachments=(document.told(),))
    answer = Turn(uuid=new_id(), parent=prompt.uuid, role="assistant", text="", state="running")
    shelf.ask(conversation, prompt, answer=answer, model="m", documents=[document])
    vectors = make_vectors([[1.0, 0.5]] * 3)
    assert shelf.read_vectors(conversation, document.uuid, digest=DIGEST) is None
    shelf.keep_vectors(conversation, document.uuid, vectors, digest=DIGEST)
    assert shelf.read_vectors(conversation, document.uuid, digest=DIGEST) == vectors
    assert shelf.read_vectors(conversation, document.uuid, digest=f"sha256:{'cd' * 32}") is None
    assert vectors.numbers.tobytes() not in bytes(AttachmentVectors.objects.get().sealed)
    settings.CONFCHAT_ATTACHMENT_QUOTA_MB = 0
    with pytest.raises(RequestError, match="attachments_quota"):
        shelf.keep_vectors(conversation, document.uuid, vectors, digest=DIGEST)
    with pytest.raises(RequestError, match="attachments_quota"):
        keep_documents(shelf.find(conversation), [long_document()], shelf._key(conversation))
    shelf.find(conversation).delete()
    assert not AttachmentVectors.objects.exists()
    assert not Attachment.objects.exists()
