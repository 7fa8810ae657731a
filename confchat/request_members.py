"""What each request inside a session carries, by topic, and the forms of it. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attestation.encoding import b64decode
from attestation.errors import MalformedError
from confchat.imported import parse_moment, parse_told
from confchat.members import parse_flag, parse_integer, parse_optional, parse_text, parse_uuid4
from confchat.parameters import EFFORTS, MAX_SYSTEM_CHARACTERS

MAX_PROMPT_CHARACTERS = 350_000
MAX_TITLE_CHARACTERS = 200
MAX_QUERY_CHARACTERS = 200
MAX_NAME_CHARACTERS = 100
MAX_DAYS = 36_500
MAX_PIECE_CHARACTERS = 700_000  # of base64url: fits a sealed frame
MAX_ATTACHMENTS = 10  # of one message
MAX_OPTIONS = 32
MAX_TEMPLATES = 100  # a sealed frame holds them all, whatever the script: 100 × 2060 characters of 4 bytes
MAX_TEMPLATE_NAME = 60
MAX_TEMPLATE_TEXT = 2_000

_EFFORT = frozenset(EFFORTS)

Members = dict[str, Callable[[object], Any]]


def _offsets(value: object) -> tuple[int, int]:
    if not isinstance(value, dict) or set(value) != {"thinking", "content"}:
        raise MalformedError("not offsets")
    return parse_integer(value["thinking"]), parse_integer(value["content"])


def _options(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > MAX_OPTIONS:
        raise MalformedError("not options")
    return value


def _prompt(value: object) -> str:
    text = parse_text(value, longest=MAX_PROMPT_CHARACTERS)
    if not text.strip():
        raise MalformedError("an empty prompt")
    return text


def _system(value: object) -> str:
    return "" if value is None else parse_text(value, longest=MAX_SYSTEM_CHARACTERS).strip()


def _effort(value: object) -> str | None:
    if value is None:
        return None
    if value not in _EFFORT:
        raise MalformedError("not an effort")
    return str(value)


def _settings(value: object) -> dict[str, Any] | None:
    """Return how somebody wants to be answered: only what this server knows, each part as a request would have it."""
    if value is None:
        return None
    if not isinstance(value, dict) or set(value) - {"model", "system", "effort", "options"}:
        raise MalformedError("not settings")
    return {
        "model": parse_optional(value.get("model"), parse_text),
        "system": _system(value.get("system")),
        "effort": _effort(value.get("effort")),
        "options": _options(value.get("options")),
    }


def _templates(value: object) -> list[dict[str, str]]:
    if not isinstance(value, list) or len(value) > MAX_TEMPLATES:
        raise MalformedError("not templates")
    return [_template(item) for item in value]


def _template(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or set(value) != {"name", "text"}:
        raise MalformedError("not a template")
    return {
        "name": parse_text(value["name"], longest=MAX_TEMPLATE_NAME),
        "text": parse_text(value["text"], longest=MAX_TEMPLATE_TEXT),
    }


def _piece(value: object) -> bytes:
    return b64decode(parse_text(value, longest=MAX_PIECE_CHARACTERS))


def _attachments(value: object) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or len(value) > MAX_ATTACHMENTS:
        raise MalformedError("not attachments")
    return list(dict.fromkeys(parse_uuid4(item) for item in value))


def _cursor(value: object) -> str | None:
    return parse_optional(value, parse_text)


def _id(value: object) -> str | None:
    return parse_optional(value, parse_uuid4)


def _title(value: object) -> str:
    return parse_text(value, longest=MAX_TITLE_CHARACTERS)


def _full_title(value: object) -> str:
    title = _title(value)
    if not title.strip():
        raise MalformedError("an empty title")
    return title


def _name(value: object) -> str:
    name = parse_text(value, longest=MAX_NAME_CHARACTERS)
    if not name.strip():
        raise MalformedError("an empty name")
    return name


def _days(value: object) -> int:
    days = parse_integer(value)
    if not 1 <= days <= MAX_DAYS:
        raise MalformedError("not a number of days")
    return days


def _mark(value: object) -> bool:
    """Return a flag that may be left out."""
    return value is not None and parse_flag(value)


_WAY: Members = {
    "options": _options,
    "system": _system,
    "effort": _effort,
    "temporary": _mark,
}  # how an answer is to be made

# Beside `id` and `type`: member -> its check, which refuses an absent one.
_CHAT: dict[str, Members] = {
    "chat.send": {
        "conversation": parse_uuid4,
        "message": parse_uuid4,
        "parent": _id,
        "text": _prompt,
        "attachments": _attachments,
        **_WAY,
    },
    "chat.edit": {
        "conversation": parse_uuid4,
        "message": parse_uuid4,
        "edited": parse_uuid4,
        "text": _prompt,
        "attachments": _attachments,
        **_WAY,
    },
    "chat.stop": {"reply": parse_uuid4},
    "chat.regenerate": {"conversation": parse_uuid4, "message": parse_uuid4, **_WAY},
    "chat.continue": {"conversation": parse_uuid4, "reply": parse_uuid4, **_WAY},
    "chat.resume": {
        "reply": parse_uuid4,
        "offsets": _offsets,
        "resume": lambda value: parse_optional(value, parse_text),
        "temporary": _mark,
    },
}
_CONVERSATIONS: dict[str, Members] = {
    "conversation.list": {"before": _cursor},
    "conversation.open": {"conversation": parse_uuid4, "before": _cursor},
    "conversation.rename": {"conversation": parse_uuid4, "title": _title},
    "conversation.import": {
        "conversation": parse_uuid4,
        "title": _full_title,
        "updated_at": parse_moment,
        "pinned": _mark,
        "archived": _mark,
        "folder": _id,
        "messages": parse_told,
    },
    "conversation.search": {"query": lambda value: parse_text(value, longest=MAX_QUERY_CHARACTERS)},
    "conversation.title": {"conversation": parse_uuid4},
    "conversation.pin": {"conversation": parse_uuid4, "pinned": parse_flag},
    "conversation.archive": {"conversation": parse_uuid4, "archived": parse_flag},
    "conversation.move": {"conversation": parse_uuid4, "folder": _id},
    "conversation.show": {"conversation": parse_uuid4, "message": _id},
    "conversation.delete": {"conversation": parse_uuid4},
    "conversation.restore": {"conversation": parse_uuid4},
    "history.delete": {},
    "history.restore": {"until": parse_integer},
    "folder.list": {},
    "folder.name": {"folder": parse_uuid4, "name": _name},
    "folder.delete": {"folder": parse_uuid4},
    "retention.get": {},
    "retention.set": {"days": lambda value: parse_optional(value, _days)},
}
_MODELS: dict[str, Members] = {"model.list": {}}

_CHANGES: dict[str, Members] = {"changes.follow": {}}

_SETTINGS: dict[str, Members] = {
    "settings.open": {"conversation": _id},
    "settings.save": {"conversation": _id, "settings": _settings},
    "templates.open": {},
    "templates.save": {"templates": _templates},
}

_ATTACHMENTS: dict[str, Members] = {
    "attachment.begin": {
        "conversation": parse_uuid4,
        "attachment": parse_uuid4,
        "name": lambda value: parse_text(value, longest=MAX_TITLE_CHARACTERS),
        "size": parse_integer,
    },
    "attachment.put": {"attachment": parse_uuid4, "offset": parse_integer, "data": _piece},
    "attachment.read": {"attachment": parse_uuid4},
    "attachment.restore": {"attachment": parse_uuid4},
    "attachment.drop": {"attachment": parse_uuid4},
    "attachment.open": {"conversation": parse_uuid4, "attachment": parse_uuid4, "page": parse_integer},
    "attachment.sources": {"reply": parse_uuid4},
}

REQUESTS: dict[str, Members] = {**_ATTACHMENTS, **_CHANGES, **_CHAT, **_CONVERSATIONS, **_MODELS, **_SETTINGS}
