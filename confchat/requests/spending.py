"""What an answer takes of its account's allowance: set aside before the model is asked, counted when it has ended."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from confchat.accounts.quotas import Grant, give_back, settle, spend
from confchat.documents.document import Document
from confchat.errors import QuotaError, RequestError
from confchat.expense import Expense
from confchat.llm import Event, Message
from confchat.prompting import guess_tokens
from confchat.requests.scope import Scope
from confchat.turns import Asked

Ask = Callable[[bool], Asked]  # told whether another answer may begin


@dataclass(frozen=True, slots=True)
class Beginning:
    """An answer that may begin, with the documents along its path, and what it may take."""

    asked: Asked
    documents: dict[str, Document]
    grant: Grant | None

    def room(self, context_tokens: int) -> int:
        """Return how many tokens prompt and answer may have together."""
        granted = None if self.grant is None else self.grant.tokens
        return context_tokens if granted is None else min(granted, context_tokens)

    def limit(self, options: Mapping[str, Any], messages: Sequence[Message]) -> Mapping[str, Any]:
        """Return options that end an answer where the allowance does."""
        if self.grant is None or self.grant.tokens is None:
            return options
        left = max(1, self.grant.tokens - guess_tokens(messages))
        return {**options, "num_predict": min(left, options.get("num_predict", left))}


class Purse:
    """Spends for one session, out of the allowance of its account."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def begin(self, ask: Ask, *, least: int, wanted: int) -> tuple[Asked, Grant | None]:
        """Spend a message and have a prompt stored, both or neither; expects a transaction.

        A prompt that was sent again gets the answer that it has, whatever is left.

        Raises:
            QuotaError, and what `ask` raises.
        """
        try:
            grant = spend(self._scope.user, now=datetime.now(UTC), least=least, wanted=wanted)
        except QuotaError as refused:
            return _given(ask, refused), None
        asked = ask(True)
        if asked.given is not None:
            give_back(grant)
        return asked, grant

    async def ask_beside(self, messages: Sequence[Message], *, options: Mapping[str, Any]) -> AsyncGenerator[Event]:
        """Ask the model something that is no message of the person's: its tokens alone are counted.

        Raises:
            QuotaError, RequestError, ModelError.
        """
        scope, expense = self._scope, Expense(guessed_prompt_tokens=guess_tokens(messages))
        tokens = expense.guessed_prompt_tokens + options["num_predict"]
        grant = await scope.deployment.writes.run(
            lambda: spend(scope.user, now=datetime.now(UTC), messages=0, least=tokens, wanted=tokens)
        )
        try:
            async with aclosing(scope.deployment.model.chat(scope.model.name, messages, options=options)) as events:
                async for event in events:
                    expense.take(event)
                    yield event
        finally:
            await self.count(grant, expense)

    async def count(self, grant: Grant, expense: Expense | None) -> None:
        """Count what an answer took; null gives back what was spent, since no word came.

        Raises:
            RequestError: `not_stored`.
        """
        job = partial(give_back, grant)
        if expense is not None:
            job = partial(settle, grant, prompt_tokens=expense.prompt_tokens, answer_tokens=expense.answer_tokens)
        await self._scope.deployment.writes.run(job)


def _given(ask: Ask, refused: QuotaError) -> Asked:
    try:
        return ask(False)
    except RequestError:
        raise refused from None
