"""What answers take of a model: as it counted, and where one ended before it said so, as we can tell. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from confchat.llm import Done, Event


@dataclass(slots=True, kw_only=True)
class Expense:
    """Tokens of one run of a model. Each piece that it gave is about one token."""

    guessed_prompt_tokens: int = 0
    pieces: int = 0
    told_prompt_tokens: int | None = None
    told_answer_tokens: int | None = None

    def take(self, event: Event) -> None:
        """Count a piece, or take in what the model says at its end; what it does not say stays as we guess it."""
        if isinstance(event, Done):
            self.told_prompt_tokens, self.told_answer_tokens = event.prompt_tokens, event.completion_tokens
        else:
            self.pieces += 1

    @property
    def prompt_tokens(self) -> int:
        return self.guessed_prompt_tokens if self.told_prompt_tokens is None else self.told_prompt_tokens

    @property
    def answer_tokens(self) -> int:
        return self.pieces if self.told_answer_tokens is None else self.told_answer_tokens
