"""What the documents along a path mean beside a question, where the session has a model that makes vectors."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from confchat.documents.document import Document
from confchat.documents.retrieval import Nearness, fits_whole
from confchat.documents.vectors import Vectors
from confchat.errors import RequestError
from confchat.llm import ModelDescription
from confchat.prompting import attached_texts, documents_room, newest_prompt
from confchat.requests.scope import Scope
from confchat.turns import Asked


async def find_nearness(
    scope: Scope, asked: Asked, documents: Mapping[str, Document], *, tokens: int, system: str
) -> Nearness | None:
    """Return what is known of it in a moment; None where the documents fit whole, or nothing is known."""
    prompt, texts = newest_prompt(asked.path), attached_texts(asked.path, documents)
    room = documents_room(asked.path, tokens=tokens, system=system)
    embedding = await _usable(scope)
    if embedding is None or prompt is None or fits_whole(texts, room=room):
        return None
    talk, conversation, digest = scope.talk, scope.conversation, embedding.digest

    async def read(document: Document) -> Vectors | None:
        with suppress(RequestError):  # what cannot be read is made anew
            return await scope.write(lambda: talk.read_vectors(conversation, document.uuid, digest=digest))
        return None

    async def keep(document: Document, vectors: Vectors) -> None:
        with suppress(RequestError):  # no room is left, or the conversation has gone: they serve this once
            await scope.write(lambda: talk.keep_vectors(conversation, document.uuid, vectors, digest=digest))

    embedder = scope.deployment.embedder
    return await embedder.nearness(scope.owner, texts, prompt.text, embedding=embedding, read=read, keep=keep)


async def begin_vectors(scope: Scope, document: Document) -> None:
    """Have the vectors of a document made that will hardly fit whole, while its user still writes."""
    tokens = scope.deployment.context_tokens(scope.model)
    if document.image is not None or fits_whole([document], room=documents_room([], tokens=tokens, system="")):
        return
    embedding = await _usable(scope)
    if embedding is not None:
        scope.deployment.embedder.begin(scope.owner, document, embedding)


async def _usable(scope: Scope) -> ModelDescription | None:
    """Return the session's model that makes vectors, as long as it is the one that was measured."""
    embedding = scope.embedding
    if embedding is None or not await scope.deployment.workload.is_as_measured(embedding.name):
        return None
    return embedding
