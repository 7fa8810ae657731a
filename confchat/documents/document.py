"""A file as it was read: its texts by page, or an image; and what people are told of it. Pure."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from confchat.errors import RequestError

BYTES_PER_TOKEN = 3  # a cautious guess, as for prompts
IMAGE_TOKENS = 1_000  # what models that see take for an image of this size, about


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What was read of a file, in memory only. `size` is the file's, in bytes; `image` is a JPEG."""

    uuid: str
    name: str
    kind: str
    size: int
    unit: str
    pages: tuple[str, ...]
    image: bytes | None = None

    @property
    def tokens(self) -> int:
        """About how many tokens all of it takes."""
        if self.image is not None:
            return IMAGE_TOKENS
        return sum(len(page.encode()) for page in self.pages) // BYTES_PER_TOKEN + 1

    def told(self) -> dict[str, Any]:
        """Return what stands with a message: everything but the content."""
        return {
            "attachment": self.uuid,
            "name": self.name,
            "kind": self.kind,
            "size": self.size,
            "unit": self.unit,
            "pages": len(self.pages),
            "tokens": self.tokens,
        }


def pack_document(document: Document) -> bytes:
    """Return a document as bytes, to be encrypted."""
    members = {
        "name": document.name,
        "kind": document.kind,
        "size": document.size,
        "unit": document.unit,
        "pages": document.pages,
        "image": base64.b64encode(document.image).decode() if document.image else None,
    }
    return json.dumps(members, ensure_ascii=False).encode()


def unpack_document(uuid: str, data: bytes) -> Document:
    """Return what `pack_document` packed."""
    return build_document(uuid, json.loads(data))


def build_document(uuid: str, members: dict[str, Any]) -> Document:
    """Return a document of its members in JSON; raises RequestError `document_unreadable` for another form."""
    try:
        return Document(
            uuid=uuid,
            name=members["name"],
            kind=members["kind"],
            size=members["size"],
            unit=members["unit"],
            pages=tuple(members["pages"]),
            image=base64.b64decode(members["image"], validate=True) if members["image"] else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RequestError("document_unreadable") from error
