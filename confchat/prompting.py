"""What of a conversation the model is given, within its context. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from confchat.errors import RequestError
from confchat.llm import Message
from confchat.turns import Turn

# Cautious guesses: the model counts for itself, and a prompt that it would cut silently is refused.
BYTES_PER_TOKEN = 3
ANSWER_SHARE = 4  # one part in four of the context is left for the answer


def fit_context(turns: Sequence[Turn], *, tokens: int, system: str = "") -> list[Turn]:
    """Return the newest turns that fit the context beside what the model is told first.

    Raises:
        RequestError: `prompt_too_long`: the last turn alone does not fit.
    """
    room = (tokens - tokens // ANSWER_SHARE) * BYTES_PER_TOKEN - len(system.encode())
    fitting: list[Turn] = []
    for turn in reversed(turns):
        room -= len(turn.text.encode())
        if room < 0:
            break
        fitting.append(turn)
    if not fitting:
        raise RequestError("prompt_too_long")
    return fitting[::-1]


def build_prompt(turns: Sequence[Turn], *, tokens: int, system: str = "") -> list[Message]:
    """Return what the model is given: what it is told first, and the turns that fit, answers without their thinking.

    Raises:
        RequestError: `prompt_too_long`.
    """
    told = [Message("system", system)] if system else []
    fitting = fit_context(turns, tokens=tokens, system=system)
    return [*told, *(Message("user" if turn.role == "user" else "assistant", turn.text) for turn in fitting)]
