"""`chat.*`: prompts and their answers, in the session's own conversation, by the model that it was opened for."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial

from confchat.conversations import Shelf
from confchat.delivery import Delivery
from confchat.documents.document import Document
from confchat.errors import RequestError
from confchat.frames import Request
from confchat.generation import Generation
from confchat.llm import Event
from confchat.parameters import check_options, fit_options
from confchat.prompting import build_prompt, fit_context, guess_tokens, least_tokens
from confchat.requests.meaning import find_nearness
from confchat.requests.scope import Handlers, Scope
from confchat.requests.spending import Ask, Beginning, Purse
from confchat.scratchpad import Scratchpad
from confchat.turns import Asked, Turn

MARK_BYTES = 4  # random, in front of each passage of a document
MAX_DELIVERIES = 16  # at once in one session: each speaks on every beat of the whole server


class ChatRequests:
    """Has prompts answered, and reads running answers to whoever may hear them."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._purse = Purse(scope)
        self._deliveries: list[Delivery] = []

    @property
    def handlers(self) -> Handlers:
        return {
            "chat.send": self._send,
            "chat.edit": self._edit,
            "chat.regenerate": self._regenerate,
            "chat.continue": self._continue,
            "chat.stop": self._stop,
            "chat.resume": self._resume,
        }

    def close(self) -> None:
        """End every delivery; the answers themselves go on."""
        for delivery in self._deliveries:
            delivery.end()
        self._deliveries.clear()

    async def _send(self, request: Request) -> None:
        self._enter(request)
        await self._say(request, parent=request["parent"])

    async def _edit(self, request: Request) -> None:
        """Answer a prompt that stands beside an earlier one, which stays."""
        self._enter(request)
        talk, conversation = self._scope.talk, self._scope.conversation
        parent = await self._scope.write(lambda: talk.parent_of(conversation, request["edited"]))
        await self._say(request, parent=parent)

    async def _say(self, request: Request, *, parent: str | None) -> None:
        scope = self._scope
        talk, conversation, model = scope.talk, scope.conversation, scope.model.name
        documents = await self._attached(request)
        told = tuple(document.told() for document in documents)
        prompt = Turn(uuid=request["message"], parent=parent, role="user", text=request["text"], attachments=told)
        self._check_length(request, prompt)
        ask = partial(talk.ask, conversation, prompt, model=model, documents=documents)
        await self._answer(request, prompt, lambda answer: ask(answer=answer))
        for document in documents:
            scope.deployment.desk.drop(scope.owner, document.uuid)

    async def _attached(self, request: Request) -> list[Document]:
        """Return the documents that a prompt names: those on their way in, and those of earlier prompts.

        Raises:
            RequestError: `attachment_missing`; `model_blind`: an image, and the model sees none.
        """
        scope, talk = self._scope, self._scope.talk
        waiting = scope.deployment.desk.documents(scope.owner)

        def find(name: str) -> Document:
            return waiting.get(name) or talk.read_document(scope.conversation, name)

        try:
            documents = await scope.write(lambda: [find(name) for name in request["attachments"]])
        except RequestError as error:
            raise RequestError("attachment_missing") if error.code == "not_found" else error from error
        if not scope.model.sees and any(document.image for document in documents):
            raise RequestError("model_blind")
        return documents

    async def _regenerate(self, request: Request) -> None:
        self._enter(request)
        scope, talk = self._scope, self._scope.talk
        conversation, name = scope.conversation, request["message"]
        prompt = await scope.write(lambda: talk.find_turn(conversation, name))
        self._check_length(request, prompt)
        await self._answer(request, prompt, lambda answer: talk.ask_again(conversation, name, answer=answer))

    def _enter(self, request: Request) -> None:
        """Refuse what is about another conversation; begin a temporary one in memory alone, and never store of it."""
        scope = self._scope
        scope.refuse_other_conversation(request)
        is_temporary = isinstance(scope.talk, Scratchpad)
        if request["temporary"] and not is_temporary:
            scope.talk = Scratchpad()
        elif is_temporary and scope.shelf is not None and not request["temporary"]:
            raise RequestError("conversation_mismatch")

    async def _answer(self, request: Request, prompt: Turn, ask: Callable[[Turn | None], Asked]) -> None:
        """Begin an answer once `ask` has made its prompt durable, or repeat the one that it has already."""
        deployment = self._scope.deployment
        await self._check_way(request)
        generation = self._new_generation(prompt=prompt.uuid, reply=str(uuid.uuid4()))
        is_free = deployment.generations.add(generation)
        begun = None
        try:
            begun = await self._begin(
                request, prompt, lambda may_begin: ask(generation.turn() if is_free and may_begin else None)
            )
        finally:
            if begun is None or begun.asked.given is not None:
                deployment.generations.discard(generation)
        if begun.asked.given is not None:
            self._announce(request, self._generation_of(begun.asked.given))
            return
        self._changed(self._scope.talk)
        self._start(request, generation, begun)
        self._announce(request, generation)

    async def _begin(self, request: Request, turn: Turn, ask: Ask) -> Beginning:
        """Spend a message and make its prompt durable; return it with the documents along its path."""
        least, wanted = least_tokens(turn, system=request["system"]), self._context_tokens(request)
        talk, conversation = self._scope.talk, self._scope.conversation

        def job() -> Beginning:
            asked, grant = self._purse.begin(ask, least=least, wanted=wanted)
            names = {item["attachment"] for turn in asked.path for item in turn.attachments}
            return Beginning(asked, {name: talk.read_document(conversation, name) for name in names}, grant)

        return await self._scope.write(job)

    async def _continue(self, request: Request) -> None:
        """Go on with an answer that broke off or was ended, as the same message."""
        self._enter(request)
        await self._check_way(request)
        scope, talk = self._scope, self._scope.talk
        conversation, reply = scope.conversation, request["reply"]
        turn = await scope.write(lambda: talk.find_turn(conversation, reply))
        self._check_length(request, turn)
        generation = self._new_generation(prompt=turn.parent or "", reply=reply)
        is_free = scope.deployment.generations.add(generation)
        try:
            begun = await self._begin(
                request, turn, lambda may_begin: talk.ask_on(conversation, reply, is_free=is_free and may_begin)
            )
        except RequestError:
            if is_free:
                scope.deployment.generations.discard(generation)
            raise
        generation.go_on(begun.asked.path[-1], revision=begun.asked.revision)
        self._changed(talk)
        self._start(request, generation, begun)
        scope.reply(request, "chat.started", message=generation.prompt, reply=reply)
        self._deliver(request, generation, offsets=(len(generation.thinking), len(generation.content)))

    def _check_length(self, request: Request, turn: Turn) -> None:
        """Refuse what does not fit the context, before anything of it is stored."""
        tokens = self._context_tokens(request)
        fit_context([turn], tokens=tokens, system=request["system"])

    def _context_tokens(self, request: Request) -> int:
        given = self._scope.deployment.context_tokens(self._scope.model)
        return int(fit_options(request["options"], context_tokens=given)["num_ctx"])

    async def _check_way(self, request: Request) -> None:
        """Refuse what the model cannot be asked for, and a model that is not the one that was proved."""
        check_options(request["options"])
        model = self._scope.model
        if request["effort"] is not None and request["effort"] not in model.efforts:
            raise RequestError("unsupported")
        deployment = self._scope.deployment
        described = await deployment.describe_model(model.name)
        if described.digest != model.digest or not await deployment.workload.is_as_measured(model.name):
            raise RequestError("model_changed", retry=True)

    def _start(self, request: Request, generation: Generation, begun: Beginning) -> None:
        """Let the model speak, once it is known which passages of the documents it is given."""
        if begun.grant is not None:
            generation.count = partial(self._purse.count, begun.grant)
        generation.start(self._speak(request, generation, begun))

    async def _speak(self, request: Request, generation: Generation, begun: Beginning) -> AsyncGenerator[Event]:
        deployment, model = self._scope.deployment, self._scope.model
        tokens, path, mark = self._context_tokens(request), begun.asked.path, secrets.token_hex(MARK_BYTES)
        room, documents, system = begun.room(tokens), begun.documents, request["system"]
        nearness = await find_nearness(self._scope, begun.asked, documents, tokens=room, system=system)
        build = partial(build_prompt, path, tokens=room, system=system, mark=mark, nearness=nearness)
        messages, passages = await asyncio.to_thread(build, documents=documents, sees=model.sees)
        generation.sources = tuple(passage.told(number) for number, passage in enumerate(passages, 1))
        generation.expense.guessed_prompt_tokens = guess_tokens(messages)
        options = {**begun.limit(request["options"], messages), "num_ctx": tokens}
        answer = deployment.model.chat(model.name, messages, options=options, effort=request["effort"])
        async with aclosing(answer) as events:
            async for event in events:
                yield event

    async def _stop(self, request: Request) -> None:
        scope = self._scope
        generation = scope.deployment.generations.find(owner=scope.user, reply=request["reply"])
        if generation is None or generation.conversation != scope.conversation or not self._may_stop(generation):
            raise RequestError("not_found")
        generation.stop()
        scope.reply(request, "chat.stopped", reply=generation.reply)

    async def _resume(self, request: Request) -> None:
        scope = self._scope
        generation = scope.deployment.generations.find(owner=scope.user, reply=request["reply"])
        if generation is None:
            talk, conversation = scope.talk, scope.conversation
            turn = await scope.write(lambda: talk.find_turn(conversation, request["reply"]))
            generation = self._generation_of(turn)
        elif not self._may_read(generation, request["resume"]):
            raise RequestError("not_found")
        elif generation.scratchpad is not None and (request["temporary"] or scope.shelf is None):
            # Whoever knows the value may go on with what was said in that session, too.
            scope.talk = generation.scratchpad
        thinking, content = request["offsets"]
        if thinking > len(generation.thinking) or content > len(generation.content):
            raise RequestError("offset", retry=True)
        self._deliver(request, generation, offsets=(thinking, content))

    def _new_generation(self, *, prompt: str, reply: str) -> Generation:
        scope, talk = self._scope, self._scope.talk

        async def save(turn: Turn, revision: int) -> None:
            await scope.write(lambda: talk.save_answer(scope.conversation, turn, revision=revision))
            if turn.state != "running":
                self._changed(talk)

        return Generation(
            owner=scope.user,
            conversation=scope.conversation,
            prompt=prompt,
            reply=reply,
            model=scope.model.name,
            resume=scope.resume,
            scratchpad=talk if isinstance(talk, Scratchpad) else None,
            save=save,
        )

    def _changed(self, talk: Shelf | Scratchpad) -> None:
        """Tell the user's other sessions that something was said; nobody hears of what is not stored."""
        if isinstance(talk, Shelf):
            self._scope.changed("messages", self._scope.conversation)

    def _generation_of(self, turn: Turn) -> Generation:
        """Return the answer as it runs, or as it was stored: one that nobody finished is truncated."""
        known = self._scope.deployment.generations.find(owner=self._scope.user, reply=turn.uuid)
        if known is not None:
            return known
        ended = self._new_generation(prompt=turn.parent or "", reply=turn.uuid)
        ended.thinking, ended.content, ended.reason = turn.thinking, turn.text, turn.reason or "truncated"
        return ended

    def _may_read(self, generation: Generation, resume: str | None) -> bool:
        """Answers made under the history key need a session that proved it; others, their value."""
        scope = self._scope
        if generation.scratchpad is None:
            return scope.shelf is not None and generation.conversation == scope.conversation
        is_known = hmac.compare_digest(generation.resume.encode(), (resume or scope.resume).encode())
        return is_known and generation.conversation == scope.conversation

    def _may_stop(self, generation: Generation) -> bool:
        """Who may read an answer, or has it read to him since he knew its value, may end it."""
        is_heard = any(delivery.generation is generation for delivery in self._deliveries)
        return is_heard or self._may_read(generation, None)

    def _announce(self, request: Request, generation: Generation) -> None:
        self._scope.reply(request, "chat.started", message=generation.prompt, reply=generation.reply)
        self._deliver(request, generation, offsets=(0, 0))

    def _deliver(self, request: Request, generation: Generation, *, offsets: tuple[int, int]) -> None:
        self._deliveries = [delivery for delivery in self._deliveries if not delivery.is_over]
        if len(self._deliveries) >= MAX_DELIVERIES:
            raise RequestError("busy", retry=True)
        beat, outlet = self._scope.deployment.beat, self._scope.outlet
        self._deliveries.append(Delivery(generation, beat=beat, outlet=outlet, request_id=request.id, offsets=offsets))
