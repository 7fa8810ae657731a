"""Vectors of passages, made by a model that was measured: once for each document, beside what else is being done.

Whoever needs them waits a moment; what is not there by then, or cannot be made, is done without.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from confchat import metrics
from confchat.documents.desk import Owner
from confchat.documents.document import Document
from confchat.documents.retrieval import Nearness, cut_passages
from confchat.documents.vectors import Vectors, join_vectors, make_vectors
from confchat.errors import ModelError
from confchat.llm import Model, ModelDescription

logger = logging.getLogger(__name__)

WAIT_S = 8.0  # how long an answer waits for vectors
REST_S = 60.0  # how long a server that failed is left alone
BATCH = 16  # passages in one request
MAX_PASSAGES = 2_000  # of one document; a longer one would keep the model server from answering anybody
MAX_KEPT = 32  # documents whose vectors nobody has stored yet
MAX_QUESTION_CHARACTERS = 2_000

# What a family of models wants to stand before a question and before a passage, by its model card.
_PREFIXES = (
    ("nomic-embed", "search_query: ", "search_document: "),
    ("mxbai-embed", "Represent this sentence for searching relevant passages: ", ""),
    ("snowflake-arctic-embed2", "query: ", ""),
    ("snowflake-arctic-embed", "Represent this sentence for searching relevant passages: ", ""),
    ("embeddinggemma", "task: search result | query: ", "title: none | text: "),
    (
        "qwen3-embedding",
        "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery: ",
        "",
    ),
    ("multilingual-e5", "query: ", "passage: "),
)

Key = tuple[Owner, str, str]
Read = Callable[[Document], Awaitable[Vectors | None]]
Keep = Callable[[Document, Vectors], Awaitable[None]]


class Embedder:
    """Asks one model server for vectors, one document after the other. Belongs to one event loop."""

    def __init__(self, model: Model, *, wait_s: float = WAIT_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._model = model
        self._wait_s = wait_s
        self._clock = clock
        self._rests_until = 0.0
        self._turns = asyncio.Semaphore(1)
        self._making: OrderedDict[Key, asyncio.Task[Vectors | None]] = OrderedDict()

    def begin(self, owner: Owner, document: Document, embedding: ModelDescription) -> asyncio.Task[Vectors | None]:
        """Have a document's vectors made, unless they are being made; nothing comes of it where that fails."""
        key = owner, document.uuid, embedding.digest
        task = self._making.get(key)
        if task is None:
            task = self._making[key] = asyncio.create_task(self._make(document, embedding), name="vectors")
        self._making.move_to_end(key)
        for old in [key for key, task in self._making.items() if task.done()][: max(0, len(self._making) - MAX_KEPT)]:
            del self._making[old]
        return task

    async def nearness(
        self,
        owner: Owner,
        documents: Sequence[Document],
        question: str,
        *,
        embedding: ModelDescription,
        read: Read,
        keep: Keep,
    ) -> Nearness | None:
        """Return what is known of the meaning of a question and of documents, in a moment; None where nothing is.

        `read` finds vectors that are stored, `keep` stores those that were made.
        """
        found: dict[str, Vectors] = {}
        asked: list[list[float]] = []
        with suppress(TimeoutError, ModelError):
            async with asyncio.timeout(self._wait_s):
                asked = await self._ask(embedding, [_prefixed(embedding, question, is_question=True)])
                for document in documents:
                    vectors = await read(document)
                    if vectors is None:
                        vectors = await self._made(owner, document, embedding, keep)
                    if vectors is not None:
                        found[document.uuid] = vectors
        metrics.RETRIEVALS.labels("meaning" if found else "words").inc()
        return Nearness(asked[0], found) if found else None

    async def _made(self, owner: Owner, document: Document, embedding: ModelDescription, keep: Keep) -> Vectors | None:
        """Wait for vectors and have them kept; forget them here, so that what failed is tried again."""
        vectors = await asyncio.shield(self.begin(owner, document, embedding))
        if vectors is not None:
            await keep(document, vectors)
        self._making.pop((owner, document.uuid, embedding.digest), None)
        return vectors

    async def _make(self, document: Document, embedding: ModelDescription) -> Vectors | None:
        texts = [_prefixed(embedding, passage.text, is_question=False) for passage in cut_passages(document)]
        if len(texts) > MAX_PASSAGES:
            return None
        parts: list[Vectors] = []
        try:
            async with self._turns:
                for start in range(0, len(texts), BATCH):
                    found = await self._ask(embedding, texts[start : start + BATCH])
                    parts.append(make_vectors(found))
        except ModelError:
            return None
        return join_vectors(parts)

    async def _ask(self, embedding: ModelDescription, texts: Sequence[str]) -> list[list[float]]:
        """Ask for vectors; a server that failed is not asked again for a while. Raises `ModelError`."""
        if self._clock() < self._rests_until:
            raise ModelError("model_unavailable", retry=True)
        try:
            return await self._model.embed(embedding.name, texts)
        except ModelError as error:
            self._rests_until = self._clock() + REST_S
            logger.warning("documents are searched by their words alone for a while: %s (%s)", error.code, error)
            raise


def _prefixed(embedding: ModelDescription, text: str, *, is_question: bool) -> str:
    family = embedding.name.rpartition("/")[2].lower()
    known = next((texts for name, *texts in _PREFIXES if family.startswith(name)), ("", ""))
    return known[0] + text[:MAX_QUESTION_CHARACTERS] if is_question else known[1] + text
