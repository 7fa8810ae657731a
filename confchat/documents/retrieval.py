"""What of a user's documents goes with a question: all pages where they fit, else the passages that fit it best.

BM25 by SQLite's FTS5, in memory and only for as long as one question takes: no index is ever kept. Words of scripts
that do not separate them are found by pairs of characters.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from confchat.documents.document import Document

PASSAGE_CHARACTERS = 1_200
MAX_TERMS = 64
FRAME_BYTES = 160  # what stands around each passage in a prompt, at most, beside the file's name

_RUNS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_SCHEMA = "PRAGMA temp_store = MEMORY; CREATE VIRTUAL TABLE passage USING fts5(words, tokenize = 'unicode61')"


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


def select_passages(documents: Sequence[Document], question: str, *, room: int) -> list[Passage]:
    """Return what fits `room` bytes, in the order of the documents: whole pages, or the passages nearest a question."""
    whole = [passage for document in documents for passage in _pages(document)]
    if sum(passage.cost for passage in whole) <= room:
        return whole
    passages = [passage for document in documents for passage in _passages(document)]
    chosen: set[int] = set()
    for at in _ranked(passages, question):
        if passages[at].cost <= room:
            room -= passages[at].cost
            chosen.add(at)
    return [passages[at] for at in sorted(chosen)]


def _ranked(passages: Sequence[Passage], question: str) -> Iterator[int]:
    """Give passages, the best first; those that share no word with the question come last, in order."""
    terms = list(dict.fromkeys(_terms(question)))[:MAX_TERMS]
    seen: set[int] = set()
    if terms:
        with closing(sqlite3.connect(":memory:")) as database:
            database.executescript(_SCHEMA)
            rows = ((at, " ".join(_terms(passage.text))) for at, passage in enumerate(passages))
            database.executemany("INSERT INTO passage (rowid, words) VALUES (?, ?)", rows)
            query = " OR ".join(f'"{term}"' for term in terms)
            found = database.execute("SELECT rowid FROM passage WHERE words MATCH ? ORDER BY rank", (query,))
            for (at,) in found:
                seen.add(at)
                yield at
    yield from (at for at in range(len(passages)) if at not in seen)


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


def _passages(document: Document) -> Iterator[Passage]:
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
