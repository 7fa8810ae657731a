"""`conversation.title`: a title by the model, made in the session from how the conversation began."""

from __future__ import annotations

import re
from contextlib import aclosing

from confchat.conversations import Shelf
from confchat.errors import QuotaError, RequestError
from confchat.frames import Request
from confchat.llm import Content, Message
from confchat.requests.scope import Handlers, Scope
from confchat.requests.spending import Purse
from confchat.turns import TITLE_CHARACTERS, Turn, first_line

EXCERPT_CHARACTERS = 1500  # of prompt and answer each: how it began says what it is about
MAX_TITLE_WORDS = 12
TITLE_TOKENS = 512  # with room for a model that thinks first
TITLE_OPTIONS = {"num_predict": TITLE_TOKENS, "temperature": 0.2}

MAX_SAID_CHARACTERS = 800  # a model that has written no title by then writes none
# What models put around titles in the languages that they speak: quotation marks, Markdown, a label, a full stop.
_AROUND = " \"'`*_«»‘’“”„《》「」『』【】.。–—-"
_COLONS = (":", "：")
_LABEL = re.compile(
    "(?:conversation |chat )?(?:title|subject|topic|titel|titre|título|タイトル|題名|标题|標題)[ *\"']*[:：]",
    re.IGNORECASE,
)
_THOUGHTS = re.compile(r"<think>.*?(?:</think>|$)", re.DOTALL)

INSTRUCTION = (
    "Give this conversation a title of at most six words, in its own language. "
    "Answer with the title alone, without quotation marks.\n\n"
)


class TitleRequests:
    """Has the model name a conversation; where it finds nothing fitting, the first line stays."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._purse = Purse(scope)

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
            title = await self._name(shelf, turns[0], answer) or title
        scope.reply(request, "conversation.titled", conversation=conversation, title=title)

    async def _name(self, shelf: Shelf, prompt: Turn, answer: Turn) -> str:
        """Have the model name the conversation, unless another session has that done just now; return the title."""
        scope, conversation = self._scope, self._scope.conversation
        place, titling = (scope.user, conversation), scope.deployment.titling
        if place in titling:
            return ""
        titling.add(place)
        try:
            title = await self._ask_model(prompt, answer) or first_line(prompt.text)
            await scope.write(lambda: shelf.rename_conversation(conversation, title, by="model"))
        except QuotaError:  # nobody asked for a title: the first line stays, and another day may find one
            return ""
        finally:
            titling.discard(place)
        scope.changed("conversation", conversation)
        return title

    async def _ask_model(self, prompt: Turn, answer: Turn) -> str:
        deployment, model = self._scope.deployment, self._scope.model
        if (await deployment.describe_model(model.name)).digest != model.digest:
            raise RequestError("model_changed", retry=True)
        told = f"{INSTRUCTION}{prompt.text[:EXCERPT_CHARACTERS]}\n\n{answer.text[:EXCERPT_CHARACTERS]}"
        text = ""
        async with aclosing(self._purse.ask_beside([Message("user", told)], options=TITLE_OPTIONS)) as events:
            async for event in events:
                if isinstance(event, Content):
                    text += event.text
                if _has_ended(text) or len(text) > MAX_SAID_CHARACTERS:
                    break
        return fitting_title(text)


def fitting_title(text: str) -> str:
    """Return what a model wrote as a title, bare of what models put around one, or nothing where it is none."""
    lines = _lines(text)
    said = next((line for line in lines if not line.endswith(_COLONS)), lines[-1] if lines else "")
    title = _bare(said)
    return title if len(title) <= TITLE_CHARACTERS and len(title.split()) <= MAX_TITLE_WORDS else ""


def _has_ended(text: str) -> bool:
    """Say whether a line has come to its end that does not only announce the title."""
    return any(not line.endswith(_COLONS) for line in _lines(text[: text.rfind("\n") + 1]))


def _lines(text: str) -> list[str]:
    """Return the lines that say something; what a model thinks first is none of them."""
    said = (" ".join(line.split()).rstrip(_AROUND) for line in _THOUGHTS.sub("", text).splitlines())
    return [line for line in said if any(map(str.isalnum, line))]


def _bare(line: str) -> str:
    before = None
    while line != before:
        before, line = line, _LABEL.sub("", line.lstrip("#> ").strip(_AROUND)).strip(_AROUND).rstrip("".join(_COLONS))
    return line
