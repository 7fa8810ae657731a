"""A full-text index of one user's words in clear: in memory alone, never in a file, for as long as he is here.

SQLite's FTS5 with trigrams finds any three characters in any script; shorter words are looked for by scanning the
same text. Knows neither Django nor where the words are stored.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MAX_INDEX_BYTES = 128 * 1024 * 1024  # about 30 MB of words; older conversations are left out beyond
PAGE_BYTES = 4096
MAX_HITS = 50
MAX_WORDS = 8
TRIGRAM = 3
SNIPPET_BEFORE, SNIPPET_LENGTH = 40, 160
TITLE_WEIGHT = 4.0  # a title that fits says more than a message

_SCHEMA = """
PRAGMA temp_store = MEMORY;
CREATE VIRTUAL TABLE words USING fts5(text, conversation UNINDEXED, message UNINDEXED, tokenize = 'trigram');
CREATE TABLE place (conversation TEXT, row INTEGER);
CREATE INDEX place_of ON place (conversation);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is found: a title where `message` is null, else a message of the conversation."""

    conversation: str
    message: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One place that fits. `snippet` alternates text that did not match, and text that did."""

    conversation: str
    message: str | None
    snippet: tuple[str, ...]


class SearchIndex:
    """The index of one user; its methods may be called from any thread, and block."""

    def __init__(self, *, max_bytes: int = MAX_INDEX_BYTES) -> None:
        self._database = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self._database.executescript(_SCHEMA)
        self._database.execute(f"PRAGMA max_page_count = {max_bytes // PAGE_BYTES}")
        self._lock = threading.Lock()
        self._known: dict[str, int] = {}
        self.is_full = False

    def stale(self, changes: Mapping[str, int]) -> list[str]:
        """Forget conversations that are gone; return those that are new or have changed, in the order given.

        Args:
            changes: by conversation, a number that rises with every change of its words.
        """
        with self._lock:
            for conversation in self._known.keys() - changes.keys():
                self._forget(conversation)
            return [name for name, change in changes.items() if self._known.get(name) != change]

    def replace(self, conversation: str, *, change: int, words: Iterable[Words]) -> None:
        """Index a conversation's words as of `change`, in place of what was known of it."""
        with self._lock:
            self._forget(conversation)
            self._known[conversation] = change
            if self.is_full:
                return
            self._database.execute("BEGIN")
            try:
                for item in words:
                    self._insert(item)
            except sqlite3.OperationalError:  # SQLITE_FULL: max_page_count
                if self._database.in_transaction:  # SQLite may have rolled back by itself
                    self._database.execute("ROLLBACK")
                self.is_full = True
            else:
                self._database.execute("COMMIT")

    def search(self, query: str) -> list[Hit]:
        """Return the best places that hold every word of `query`, the best first."""
        words = query.split()[:MAX_WORDS]
        if not words:
            return []
        long = [word for word in words if len(word) >= TRIGRAM]
        short = [word for word in words if len(word) < TRIGRAM]
        clauses = ["words MATCH ?"] * bool(long) + ["text LIKE ? ESCAPE '\\'"] * len(short)
        values = [" AND ".join(_quoted(word) for word in long)] * bool(long) + [_pattern(word) for word in short]
        # Without a match there is no rank: what came last stands first.
        weight = f"(CASE WHEN message IS NULL THEN {TITLE_WEIGHT} ELSE 1.0 END)"
        order = f"rank * {weight}, rowid DESC" if long else f"{weight} DESC, rowid DESC"
        statement = (
            f"SELECT conversation, message, text FROM words WHERE {' AND '.join(clauses)} "  # noqa: S608  # our own words
            f"ORDER BY {order} LIMIT {MAX_HITS}"
        )
        with self._lock:
            found = self._database.execute(statement, values).fetchall()
        return [
            Hit(conversation=conversation, message=message, snippet=snippet(text, words))
            for conversation, message, text in found
        ]

    def _insert(self, item: Words) -> None:
        row = self._database.execute(
            "INSERT INTO words (text, conversation, message) VALUES (?, ?, ?)",
            (item.text, item.conversation, item.message),
        ).lastrowid
        self._database.execute("INSERT INTO place VALUES (?, ?)", (item.conversation, row))

    def _forget(self, conversation: str) -> None:
        if self._known.pop(conversation, None) is None:
            return
        rows = "(SELECT row FROM place WHERE conversation = ?)"
        self._database.execute(f"DELETE FROM words WHERE rowid IN {rows}", (conversation,))  # noqa: S608
        self._database.execute("DELETE FROM place WHERE conversation = ?", (conversation,))


def snippet(text: str, words: list[str]) -> tuple[str, ...]:
    """Return a piece of `text` around the first place that fits, cut where matches begin and end."""
    folded, wanted = text.casefold(), [word.casefold() for word in words]
    if len(folded) != len(text):  # some capitals fold to two letters: then cases must agree
        folded, wanted = text, words
    first = min((at for word in wanted if (at := folded.find(word)) >= 0), default=0)
    start = max(0, first - SNIPPET_BEFORE)
    end = min(len(text), start + SNIPPET_LENGTH)
    pieces, done = ["…" if start else ""], start
    while done < end:
        at, word = min(((at, word) for word in wanted if (at := folded.find(word, done, end)) >= 0), default=(end, ""))
        pieces[-1] += text[done:at]
        if word:
            pieces += [text[at : at + len(word)], ""]
        done = at + len(word) if word else end
    if end < len(text):
        pieces[-1] += "…"
    return tuple(" ".join(piece.split("\n")) for piece in pieces)


def _quoted(word: str) -> str:
    return '"' + word.replace('"', '""') + '"'


def _pattern(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
