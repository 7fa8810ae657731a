"""What a search finds, in which order, how it shows it, and for how long its index lives."""

from __future__ import annotations

import asyncio

import pytest

from confchat.search_index import SearchIndex, Words, snippet
from confchat.searching import MAX_INDEXES, SearchIndexes


def index_of(**conversations: list[str]) -> SearchIndex:
    """Index conversations, each by its title and its messages."""
    index = SearchIndex()
    for name, (title, *texts) in conversations.items():
        messages = [Words(conversation=name, message=f"{name}{number}", text=text) for number, text in enumerate(texts)]
        index.replace(name, change=1, words=[Words(conversation=name, message=None, text=title), *messages])
    return index


def found(index: SearchIndex, query: str) -> list[tuple[str, str | None]]:
    return [(hit.conversation, hit.message) for hit in index.search(query)]


def test_every_word_must_be_there_and_a_title_comes_first() -> None:
    index = index_of(a=["Weather", "It will rain tomorrow"], b=["Rain tomorrow", "x"], c=["Letters", "rain only"])
    assert found(index, "RAIN tomorrow") == [("b", None), ("a", "a0")]
    assert set(found(index, "rain")) == {("a", "a0"), ("b", None), ("c", "c0")}


@pytest.mark.parametrize("query", ["雨", "雨の", "雨の日", "气", "天气预报"])
def test_japanese_and_chinese_are_found_by_one_character_or_more(query: str) -> None:
    index = index_of(a=["t", "雨の日には天气预报"], b=["t", "something else"])
    assert found(index, query) == [("a", "a0")]


@pytest.mark.parametrize("query", ['"', "%", "_", "*", "a AND", "NEAR(", "' OR 1", "\\", "()", "-x", "^abc", "col:abc"])
def test_signs_of_the_query_language_are_only_signs(query: str) -> None:
    assert found(index_of(a=["t", "nothing of it"]), query) == []


def test_nothing_is_found_of_what_was_changed_or_has_gone() -> None:
    index = index_of(a=["t", "first words"], b=["t", "second words"])
    index.replace("a", change=2, words=[Words(conversation="a", message="a0", text="other text")])
    assert found(index, "words") == [("b", "b0")]
    assert index.stale({"a": 2, "c": 1}) == ["c"]
    assert found(index, "words") == []


def test_a_snippet_is_data_with_the_matches_at_odd_places() -> None:
    assert snippet("It will <b>Rain</b>\ntoday", ["rain", "today"]) == ("It will <b>", "Rain", "</b> ", "today", "")
    long = snippet("x" * 500 + "needle" + "y" * 500, ["needle"])
    assert long[1] == "needle"
    assert long[0].startswith("…")
    assert long[2].endswith("…")
    assert len("".join(long)) < 200


def test_an_index_that_is_full_says_so_and_still_finds_what_it_has() -> None:
    index = SearchIndex(max_bytes=300_000)
    index.replace("a", change=1, words=[Words(conversation="a", message="a0", text="needle")])
    words = [Words(conversation="b", message=str(n), text=f"{n} hay " * 500) for n in range(100)]
    index.replace("b", change=1, words=words)
    assert index.is_full
    assert found(index, "needle") == [("a", "a0")]
    assert found(index, "hay") == []


async def test_an_index_lives_as_long_as_a_session_of_its_owner() -> None:
    indexes, owner = SearchIndexes(linger_s=0.01), ("u", b"k")
    indexes.enter(owner)
    indexes.enter(owner)
    first = indexes.use(owner)
    indexes.leave(owner)
    await asyncio.sleep(0.05)
    assert indexes.use(owner) is first
    indexes.leave(owner)
    await asyncio.sleep(0.05)
    assert indexes.use(owner) is not first


async def test_only_so_many_indexes_are_kept_at_once() -> None:
    indexes = SearchIndexes()
    first = indexes.use(("0", b""))
    for number in range(1, MAX_INDEXES + 1):
        indexes.use((str(number), b""))
    assert indexes.use(("0", b"")) is not first
