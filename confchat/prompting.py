"""What of a conversation the model is given, within its context. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from confchat.conversations import Turn
from confchat.errors import RequestError

# Cautious guesses: the model counts for itself, and a prompt that it would cut silently is refused.
BYTES_PER_TOKEN = 3
ANSWER_SHARE = 4  # one part in four of the context is left for the answer


def fit_context(turns: Sequence[Turn], *, tokens: int) -> list[Turn]:
    """Return the newest turns that fit the context, the last one always; answers come without thinking.

    Raises:
        RequestError: `prompt_too_long`: the last turn alone does not fit.
    """
    room = (tokens - tokens // ANSWER_SHARE) * BYTES_PER_TOKEN
    fitting: list[Turn] = []
    for turn in reversed(turns):
        room -= len(turn.text.encode())
        if room < 0:
            break
        fitting.append(turn)
    if not fitting:
        raise RequestError("prompt_too_long")
    return fitting[::-1]
