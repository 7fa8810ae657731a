"""What of a user's documents goes with a question: all pages where they fit, else the passages that fit it best.

BM25 by SQLite's FTS5, in memory and only for as long as one question takes: no index of words is ever kept. Words of
scripts that do not separate them are found by pairs of characters. Where a model has made vectors of the passages, both
rankings are fused: reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009), with its authors' constant.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from confchat.documents.document import Document
from confchat.documents.vectors import Vectors, closeness

PASSAGE_CHARACTERS = 1_200
MAX_TERMS = 64
FUSION = 60  # added to each rank
LEAST_DEPTH = 4
FRAME_BYTES = 160  # what stands around each passage in a prompt, at most, beside the file's name

_RUNS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_SCHEMA = "PRAGMA temp_store = MEMORY; CREATE VIRTUAL TABLE passage USING fts5(words, tokenize = 'unicode61')"


@dataclass(frozen=True, slots=True)
class Nearness:
    """What a model that makes vectors says: the question's, and those of documents' passages, by their ids."""

    question: Sequence[float]
    documents: Mapping[str, Vectors]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of a document's page; `page` counts from 1, `start` and `end` are characters within it."""

    document: Document
    page: int
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.document.pages[self.page - 1][self.start : self.end]

    def told(self, number: int) -> dict[str, Any]:
        """Return what a citation of it by number says."""
        return {
            "n": number,
            "attachment": self.document.uuid,
            "page": self.page,
            "start": self.start,
            "end": self.end,
        }

    @property
    def cost(self) -> int:
        """How many bytes it takes in a prompt."""
        return len(self.text.encode()) + len(self.document.name.encode()) + FRAME_BYTES


def fits_whole(documents: Sequence[Document], *, room: int) -> bool:
    """Say whether every page of the documents fits `room` bytes."""
    return sum(passage.cost for document in documents for passage in _pages(document)) <= room


def select_passages(
    documents: Sequence[Document], question: str, *, room: int, nearness: Nearness | None = None
) -> list[Passage]:
    """Return what fits `room` bytes, in the order of the documents: whole pages, or the passages nearest a question.

    A document without vectors, or whose vectors do not fit its passages, is ranked by its words alone.
    """
    if fits_whole(documents, room=room):
        return [passage for document in documents for passage in _pages(document)]
    passages = [passage for document in documents for passage in cut_passages(document)]
    by_words = _by_words(passages, question)
    near = {} if nearness is None else _near(documents, nearness)
    ranked = dict.fromkeys([*_fused(by_words, near, depth=_depth(passages, room)), *by_words, *range(len(passages))])
    chosen: set[int] = set()
    for at in ranked:
        if passages[at].cost <= room:
            room -= passages[at].cost
            chosen.add(at)
    return [passages[at] for at in sorted(chosen)]


def _near(documents: Sequence[Document], nearness: Nearness) -> dict[int, float]:
    """Return the cosines of passages by their place among all; of a document without fitting vectors, none."""
    near: dict[int, float] = {}
    start = 0
    for document in documents:
        count = sum(1 for _ in cut_passages(document))
        vectors = nearness.documents.get(document.uuid)
        found = closeness(vectors, nearness.question) if vectors is not None else []
        if len(found) == count:
            near |= {start + at: cosine for at, cosine in enumerate(found)}
        start += count
    return near


def _depth(passages: Sequence[Passage], room: int) -> int:
    """Return how many of each ranking count: as many as there is room for.

    In a long document nearly every passage has some common word of the question, and the whole of a ranking by words
    would outvote the best by meaning (benchmarks/retrieval.py: 3 of 24 questions answered instead of 19).
    """
    usual = sum(passage.cost for passage in passages) // len(passages)
    return max(LEAST_DEPTH, room // usual)


def _fused(by_words: Sequence[int], near: Mapping[int, float], *, depth: int) -> list[int]:
    """Return the first of both rankings, the best first; those without a vector are judged twice by their words."""
    by_meaning = sorted(near, key=lambda at: -near[at])[:depth]
    words = {at: 1 / (FUSION + rank) for rank, at in enumerate(by_words[:depth], 1)}
    meaning = {at: 1 / (FUSION + rank) for rank, at in enumerate(by_meaning, 1)}
    meaning |= {at: score for at, score in words.items() if at not in near}
    score = {at: words.get(at, 0.0) + meaning.get(at, 0.0) for at in {**words, **meaning}}
    return sorted(score, key=lambda at: -score[at])


def _by_words(passages: Sequence[Passage], question: str) -> list[int]:
    """Return the passages that share a word with the question, the best first."""
    terms = list(dict.fromkeys(_terms(question)))[:MAX_TERMS]
    if not terms:
        return []
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(_SCHEMA)
        rows = ((at, " ".join(_terms(passage.text))) for at, passage in enumerate(passages))
        database.executemany("INSERT INTO passage (rowid, words) VALUES (?, ?)", rows)
        query = " OR ".join(f'"{term}"' for term in terms)
        found = database.execute("SELECT rowid FROM passage WHERE words MATCH ? ORDER BY rank", (query,))
        return [at for (at,) in found]


def _terms(text: str) -> Iterator[str]:
    for run in _RUNS.findall(text.casefold()):
        if "\u3040" <= run[0] <= "\u9fff" or "\uf900" <= run[0] <= "\ufaff":
            yield from (run[at : at + 2] for at in range(max(1, len(run) - 1)))
        else:
            yield run


def _pages(document: Document) -> Iterator[Passage]:
    for number, page in enumerate(document.pages, 1):
        if page.strip():
            yield Passage(document=document, page=number, start=0, end=len(page))


def cut_passages(document: Document) -> Iterator[Passage]:
    """Cut each page after a line or a sentence, where there is one in the second half of what may be one passage."""
    for page in _pages(document):
        text, start = page.text, 0
        while start < len(text):
            end = min(len(text), start + PASSAGE_CHARACTERS)
            if end < len(text):
                half = start + PASSAGE_CHARACTERS // 2
                cuts = (text.rfind(mark, half, end) for mark in ("\n\n", "\n", ". ", "。", " "))
                end = next((cut + 1 for cut in cuts if cut >= 0), end)
            yield Passage(document=document, page=page.page, start=start, end=end)
            start = end
