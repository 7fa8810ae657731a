"""One open session: sealed requests in, sealed replies out. Knows the user, never the socket."""

from __future__ import annotations

import hmac
import secrets
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

from confchat.conversations import Asked, Shelf, Turn
from confchat.delivery import Delivery, Outlet
from confchat.deployment import Deployment
from confchat.errors import ModelError, RequestError
from confchat.frames import Request, to_json
from confchat.generation import Generation
from confchat.llm import Message, ModelDescription
from confchat.prompting import fit_context
from confchat.scratchpad import Scratchpad

Result = TypeVar("Result")

MAX_DELIVERIES = 16  # at once in one session: each speaks on every beat of the whole server
ALLOWED_OPTIONS = frozenset(
    {"temperature", "top_p", "top_k", "min_p", "seed", "stop", "num_predict", "repeat_penalty", "repeat_last_n"}
)


class Session:
    """What one opened handshake allows: its conversation, and the user's shelf if he proved its key."""

    def __init__(
        self,
        deployment: Deployment,
        outlet: Outlet,
        *,
        user: str,
        conversation: str,
        model: ModelDescription,
        history_key: bytes | None,
    ) -> None:
        self._deployment, self._outlet = deployment, outlet
        self._user, self._conversation, self._model = user, conversation, model
        self._shelf: Shelf | Scratchpad = Scratchpad() if history_key is None else Shelf(history_key, user=user)
        self._deliveries: list[Delivery] = []
        self.resume = secrets.token_urlsafe(32)
        self._handlers: dict[str, Callable[[Request], Awaitable[None]]] = {
            "chat.send": self._send,
            "chat.regenerate": self._regenerate,
            "chat.stop": self._stop,
            "chat.resume": self._resume,
            "conversation.list": self._list,
            "conversation.open": self._open,
            "conversation.rename": self._rename,
            "conversation.delete": self._delete,
            "model.list": self._models,
        }

    async def handle(self, request: Request) -> None:
        """Carry out one request; whatever comes of it is told under the request's id."""
        try:
            handler = self._handlers.get(request.type)
            if handler is None:
                raise RequestError("unsupported")
            await handler(request)
        except (RequestError, ModelError) as error:
            self._reply(request, "error", code=error.code, retry=error.retry)

    def close(self) -> None:
        """End every delivery; the answers themselves go on."""
        for delivery in self._deliveries:
            delivery.end()
        self._deliveries.clear()

    async def _send(self, request: Request) -> None:
        self._refuse_other_conversation(request)
        shelf, conversation, model = self._shelf, self._conversation, self._model.name
        prompt = Turn(uuid=request["message"], parent=request["parent"], role="user", text=request["text"])
        fit_context([prompt], tokens=self._deployment.context_tokens(self._model))
        await self._answer(
            request, prompt.uuid, lambda answer: shelf.ask(conversation, prompt, answer=answer, model=model)
        )

    async def _regenerate(self, request: Request) -> None:
        self._refuse_other_conversation(request)
        shelf, conversation, prompt = self._shelf, self._conversation, request["message"]
        await self._answer(request, prompt, lambda answer: shelf.ask_again(conversation, prompt, answer=answer))

    async def _answer(self, request: Request, prompt: str, ask: Callable[[Turn | None], Asked]) -> None:
        """Begin an answer once `ask` has made its prompt durable, or repeat the one that it has already."""
        if set(request["options"]) - ALLOWED_OPTIONS:
            raise RequestError("unsupported")
        if (await self._deployment.describe_model()).digest != self._model.digest:
            raise RequestError("model_changed", retry=True)
        generations = self._deployment.generations
        generation = self._new_generation(prompt=prompt, reply=str(uuid.uuid4()))
        is_free = generations.add(generation)
        asked = None
        try:
            asked = await self._write(lambda: ask(generation.turn() if is_free else None))
        finally:
            if asked is None or asked.given is not None:
                generations.discard(generation)
        if asked.given is not None:
            self._announce(request, self._generation_of(asked.given))
            return
        tokens = self._deployment.context_tokens(self._model)
        messages = [
            Message("user" if turn.role == "user" else "assistant", turn.text)
            for turn in fit_context(asked.path, tokens=tokens)
        ]
        options = {**request["options"], "num_ctx": tokens}
        generation.start(self._deployment.model.chat(self._model.name, messages, options=options))
        self._announce(request, generation)

    async def _stop(self, request: Request) -> None:
        generation = self._deployment.generations.find(owner=self._user, reply=request["reply"])
        if generation is None or generation.conversation != self._conversation or not self._may_stop(generation):
            raise RequestError("not_found")
        generation.stop()
        self._reply(request, "chat.stopped", reply=generation.reply)

    async def _resume(self, request: Request) -> None:
        generation = self._deployment.generations.find(owner=self._user, reply=request["reply"])
        if generation is None:
            shelf, conversation = self._shelf, self._conversation
            turn = await self._write(lambda: shelf.find_turn(conversation, request["reply"]))
            generation = self._generation_of(turn)
        elif not self._may_read(generation, request["resume"]):
            raise RequestError("not_found")
        elif generation.scratchpad is not None and isinstance(self._shelf, Scratchpad):
            # Whoever knows the value may go on with what was said in that session, too.
            self._shelf = generation.scratchpad
        thinking, content = request["offsets"]
        if thinking > len(generation.thinking) or content > len(generation.content):
            raise RequestError("offset", retry=True)
        self._deliver(request, generation, offsets=(thinking, content))

    async def _list(self, request: Request) -> None:
        shelf = self._shelf
        conversations, rest = await self._write(lambda: shelf.list_conversations(before=request["before"]))
        self._reply(request, "conversation.list", conversations=conversations, next=rest)

    async def _open(self, request: Request) -> None:
        shelf, conversation = self._shelf, request["conversation"]
        found = await self._write(lambda: shelf.open_conversation(conversation, before=request["before"]))
        found["messages"] = [self._message(turn) for turn in found["messages"]]
        self._reply(request, "conversation.open", conversation=conversation, **found)

    async def _rename(self, request: Request) -> None:
        shelf = self._shelf
        await self._write(lambda: shelf.rename_conversation(request["conversation"], request["title"]))
        self._reply(request, "conversation.renamed", conversation=request["conversation"])

    async def _delete(self, request: Request) -> None:
        shelf = self._shelf
        await self._write(lambda: shelf.delete_conversation(request["conversation"]))
        self._deployment.log.wake()
        running = self._deployment.generations.running_in(owner=self._user, conversation=request["conversation"])
        if running is not None:
            running.stop()
        self._reply(request, "conversation.deleted", conversation=request["conversation"])

    async def _models(self, request: Request) -> None:
        models = await self._deployment.model.list_models()
        self._reply(request, "model.list", models=[_describe(model) for model in models])

    def _refuse_other_conversation(self, request: Request) -> None:
        if request["conversation"] != self._conversation:
            raise RequestError("conversation_mismatch")

    async def _write(self, job: Callable[[], Result]) -> Result:
        """Run what blocks on the database; it is durable when this returns."""
        return await self._deployment.writes.run(job)

    def _new_generation(self, *, prompt: str, reply: str) -> Generation:
        shelf, conversation = self._shelf, self._conversation

        async def save(turn: Turn, revision: int) -> None:
            await self._write(lambda: shelf.save_answer(conversation, turn, revision=revision))

        return Generation(
            owner=self._user,
            conversation=conversation,
            prompt=prompt,
            reply=reply,
            model=self._model.name,
            resume=self.resume,
            scratchpad=shelf if isinstance(shelf, Scratchpad) else None,
            save=save,
        )

    def _generation_of(self, turn: Turn) -> Generation:
        """Return the answer as it runs, or as it was stored: one that nobody finished is truncated."""
        known = self._deployment.generations.find(owner=self._user, reply=turn.uuid)
        if known is not None:
            return known
        ended = self._new_generation(prompt=turn.parent or "", reply=turn.uuid)
        ended.thinking, ended.content, ended.reason = turn.thinking, turn.text, turn.reason or "truncated"
        return ended

    def _may_read(self, generation: Generation, resume: str | None) -> bool:
        """Answers made under the history key need a session that proved it; others, their value."""
        if generation.scratchpad is None:
            return isinstance(self._shelf, Shelf) and generation.conversation == self._conversation
        is_known = hmac.compare_digest(generation.resume.encode(), (resume or self.resume).encode())
        return is_known and generation.conversation == self._conversation

    def _may_stop(self, generation: Generation) -> bool:
        """Who may read an answer, or has it read to him since he knew its value, may end it."""
        is_heard = any(delivery.generation is generation for delivery in self._deliveries)
        return is_heard or self._may_read(generation, None)

    def _announce(self, request: Request, generation: Generation) -> None:
        self._reply(request, "chat.started", message=generation.prompt, reply=generation.reply)
        self._deliver(request, generation, offsets=(0, 0))

    def _deliver(self, request: Request, generation: Generation, *, offsets: tuple[int, int]) -> None:
        self._deliveries = [delivery for delivery in self._deliveries if not delivery.is_over]
        if len(self._deliveries) >= MAX_DELIVERIES:
            raise RequestError("busy", retry=True)
        self._deliveries.append(
            Delivery(
                generation, beat=self._deployment.beat, outlet=self._outlet, request_id=request.id, offsets=offsets
            )
        )

    def _message(self, turn: Turn) -> dict[str, Any]:
        """Build the wire form of a stored message; one that is stored as running and that nobody runs is incomplete."""
        known = self._deployment.generations.find(owner=self._user, reply=turn.uuid)
        if turn.state == "running" and (known is None or known.is_finished):
            turn = replace(turn, state="incomplete", reason="truncated")
        usage = {
            "prompt_tokens": turn.prompt_tokens,
            "completion_tokens": turn.completion_tokens,
            "total_ms": turn.total_ms,
        }
        return {
            "message": turn.uuid,
            "parent": turn.parent,
            "role": turn.role,
            "text": turn.text,
            "thinking": turn.thinking,
            "state": turn.state,
            "reason": turn.reason,
            "model": turn.model,
            "usage": {name: value for name, value in usage.items() if value is not None},
            "created_at": int(turn.created_at.timestamp()),
        }

    def _reply(self, request: Request, kind: str, **members: Any) -> None:
        self._outlet.post(to_json({"type": kind, "id": request.id, **members}))


def _describe(model: ModelDescription) -> dict[str, Any]:
    return {
        "name": model.name,
        "digest": model.digest,
        "backend": model.backend,
        "context_length": model.context_length,
        "thinks": model.thinks,
        "simulated_thinking": model.simulated_thinking,
    }
