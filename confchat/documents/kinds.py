"""What kind of file some bytes are, by how they begin. Pure; names of files are never believed."""

from __future__ import annotations

PDF_HEAD = 1024  # ISO 32000-1, annex H: readers look for the header here

BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_IMAGES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")


def kind_of(data: bytes) -> str | None:
    """Return `pdf`, `word` (any zip archive), `image` or `text`; null where it is none of them."""
    if b"%PDF-" in data[:PDF_HEAD]:
        return "pdf"
    if data.startswith(b"PK\x03\x04"):
        return "word"
    if data.startswith(_IMAGES) or (data.startswith(b"RIFF") and data[8:12] == b"WEBP"):
        return "image"
    if b"\0" in data and not data.startswith(tuple(BOMS)):
        return None
    return "text"
