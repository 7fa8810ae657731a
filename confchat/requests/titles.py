"""`conversation.title`: a title by the model, made in the session from how the conversation began."""

from __future__ import annotations

from contextlib import aclosing

from confchat.errors import RequestError
from confchat.frames import Request
from confchat.llm import Content, Message
from confchat.requests.scope import Handlers, Scope
from confchat.turns import TITLE_CHARACTERS, Turn

EXCERPT_CHARACTERS = 1500  # of prompt and answer each: how it began says what it is about
MAX_TITLE_WORDS = 12
TITLE_TOKENS = 512  # with room for a model that thinks first
TITLE_OPTIONS = {"num_predict": TITLE_TOKENS, "temperature": 0.2}

INSTRUCTION = (
    "Give this conversation a title of at most six words, in its own language. "
    "Answer with the title alone, without quotation marks.\n\n"
)


class TitleRequests:
    """Has the model name a conversation; where it finds nothing fitting, the first line stays."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    @property
    def slow_handlers(self) -> Handlers:
        return {"conversation.title": self._title}

    async def _title(self, request: Request) -> None:
        scope, shelf, conversation = self._scope, self._scope.stored(), request["conversation"]
        scope.refuse_other_conversation(request)
        details = await scope.write(lambda: shelf.details_of(conversation))
        title, turns = await scope.write(lambda: shelf.read_words(conversation))
        answer = next((turn for turn in turns if turn.role == "assistant" and turn.state == "complete"), None)
        if details.titled == "line" and answer is not None:
            title = await self._ask_model(turns[0], answer) or title
            await scope.write(lambda: shelf.rename_conversation(conversation, title, by="model"))
        scope.reply(request, "conversation.titled", conversation=conversation, title=title)

    async def _ask_model(self, prompt: Turn, answer: Turn) -> str:
        deployment, model = self._scope.deployment, self._scope.model
        if (await deployment.describe_model()).digest != model.digest:
            raise RequestError("model_changed", retry=True)
        told = f"{INSTRUCTION}{prompt.text[:EXCERPT_CHARACTERS]}\n\n{answer.text[:EXCERPT_CHARACTERS]}"
        text = ""
        async with aclosing(
            deployment.model.chat(model.name, [Message("user", told)], options=TITLE_OPTIONS)
        ) as events:
            async for event in events:
                if isinstance(event, Content):
                    text += event.text
                if "\n" in text.strip() or len(text) > 4 * TITLE_CHARACTERS:
                    break
        return fitting_title(text)


def fitting_title(text: str) -> str:
    """Return what a model wrote as a title, or nothing where it is none."""
    lines = text.strip().splitlines()
    title = lines[0].strip(" \t\"'“”«»「」*#.").strip() if lines else ""
    title = title.removeprefix("Title:").strip()
    return title if 0 < len(title) <= TITLE_CHARACTERS and len(title.split()) <= MAX_TITLE_WORDS else ""
