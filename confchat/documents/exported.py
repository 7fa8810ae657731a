"""A document as an export has it, read back by its form. Pure; an image in it is somebody's word and is read anew."""

from __future__ import annotations

import base64
import json
from typing import Any

from confchat.documents.document import Document, build_document
from confchat.errors import RequestError

MAX_PAGES = 3_000  # as many as are read of a file, and of all their letters
MAX_CHARACTERS = 4_000_000
KINDS, UNITS = frozenset({"text", "pdf", "word", "image"}), frozenset({"page", "part"})


def parse_exported(uuid: str, data: bytes, *, name: str) -> Document:
    """Return a document of its JSON in an export.

    Raises:
        RequestError: `document_unreadable`, or `document_too_large`.
    """
    try:
        members = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RequestError("document_unreadable") from error
    if not isinstance(members, dict) or not _is_told(members) or not _are_texts(members.get("texts")):
        raise RequestError("document_unreadable")
    texts = [] if members["kind"] == "image" else members["texts"]
    if len(texts) > MAX_PAGES or sum(map(len, texts)) > MAX_CHARACTERS:
        raise RequestError("document_too_large")
    told = {key: members[key] for key in ("kind", "size", "unit")}
    return build_document(uuid, {**told, "name": name, "pages": texts, "image": _image(members)})


def _is_told(members: dict[str, Any]) -> bool:
    size = members.get("size")
    is_size = isinstance(size, int) and not isinstance(size, bool) and 0 < size < 2**53
    return members.get("kind") in KINDS and members.get("unit") in UNITS and is_size


def _are_texts(texts: object) -> bool:
    """Say whether these are texts that can be encoded: JSON allows half of a surrogate pair, UTF-8 does not."""
    try:
        return isinstance(texts, list) and all(isinstance(text, str) and text.encode() is not None for text in texts)
    except UnicodeEncodeError:
        return False


def _image(members: dict[str, Any]) -> str | None:
    if members["kind"] != "image":
        return None
    image = members.get("image")
    if not isinstance(image, str) or not image:
        raise RequestError("document_unreadable")
    try:
        base64.b64decode(image, validate=True)
    except ValueError as error:
        raise RequestError("document_unreadable") from error
    return image
