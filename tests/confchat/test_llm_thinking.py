"""Thinking inside an answer is told apart wherever the stream is cut."""

from __future__ import annotations

import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from confchat.llm.thinking import MAX_LEADING, WHITE_SPACE, ThinkingParser, strip_thinking

CASES = {
    "no tags": ("Hello, world", "", "Hello, world"),
    "thinking and answer": ("<think>\nWell, é.\n</think>\n\nYes.", "Well, é.\n", "Yes."),
    "white space before the opening tag": (" \n<think>hm</think>ok", "hm", "ok"),
    "white space at the start is the answer's": ("  indented", "", "  indented"),
    "no thinking between tags": ("<think>\n\n</think>\n\nHi", "", "Hi"),
    "an opening tag later is text": ("a <think>b</think>", "", "a <think>b</think>"),
    "tags after the answer began are text": ("<think>a</think>b</think><think>c", "a", "b</think><think>c"),
    "an opening tag within thinking is thinking": ("<think>a<think>b</think>c", "a<think>b", "c"),
    "almost a closing tag": ("<think>a</thin b</ think></think>c", "a</thin b</ think>", "c"),
    "the end comes within thinking": ("<think>never ends", "never ends", ""),
    "the end comes within the closing tag": ("<think>a</thi", "a</thi", ""),
    "the end comes within the opening tag": ("<thi", "", "<thi"),
    "only white space": (" \n ", "", " \n "),
    "nothing after the closing tag": ("<think>a</think> \n", "a", ""),
    "another tag": ("<thinking>a</thinking>", "", "<thinking>a</thinking>"),
    "empty": ("", "", ""),
}


def parse(*pieces: str) -> tuple[str, str]:
    parser = ThinkingParser()
    parts = [*(parser.feed(piece) for piece in pieces), parser.finish()]
    return "".join(thinking for thinking, _ in parts), "".join(content for _, content in parts)


def parse_whole(text: str) -> tuple[str, str]:
    """Say the same rules once more, on the whole text."""
    space = f"[{re.escape(WHITE_SPACE)}]*"
    found = re.fullmatch(f"{space}<think>{space}(.*?)(?:</think>{space}(.*))?", text, re.DOTALL)
    return ("", text) if found is None else (found[1], found[2] or "")


@pytest.mark.parametrize(("text", "thinking", "content"), CASES.values(), ids=CASES)
def test_thinking_is_the_same_at_every_two_cuts(text: str, thinking: str, content: str) -> None:
    assert parse(text) == (thinking, content)
    assert parse(*text) == (thinking, content)
    for first, second in combinations(range(len(text) + 1), 2):
        assert parse(text[:first], text[first:second], text[second:]) == (thinking, content)


@given(
    st.lists(
        st.sampled_from(["<think>", "</think>", "<", "</", "think>", " ", "\n", "\x85", "\x1c", "a", "é", "🙂"]),
        max_size=9,
    )
)
def test_pieces_give_what_the_whole_text_gives(pieces: list[str]) -> None:
    assert parse(*pieces) == parse_whole("".join(pieces))


def test_certain_text_is_not_held_back() -> None:
    parser = ThinkingParser()
    assert parser.feed("<think>First") == ("First", "")
    assert parser.feed(" thought <") == (" thought ", "")
    assert parser.feed("b") == ("<b", "")
    assert parser.feed("</think>So") == ("", "So")
    assert parser.is_answering


def test_white_space_without_end_is_not_gathered_without_end() -> None:
    parser = ThinkingParser()
    assert parser.feed(" " * MAX_LEADING) == ("", "")
    assert parser.feed(" ") == ("", " " * (MAX_LEADING + 1))
    assert parser.is_answering


def test_history_is_stripped_of_thinking() -> None:
    assert strip_thinking("<think>hm</think>\n\nFour.") == "Four."
    assert strip_thinking("Four.") == "Four."
    assert strip_thinking("<think>never came to an end") == ""
