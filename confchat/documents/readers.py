"""Files taken apart, each by the library that is made for it: bytes in, texts by page or a smaller image out.

Runs in the confined process alone. Whatever a library raises is the file's fault, and is told apart nowhere else.
"""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from confchat.documents.kinds import BOMS

MAX_PAGES = 3_000
MAX_CHARACTERS = 4_000_000
PART_CHARACTERS = 3_000  # of a text without pages: what is cited as one place
MAX_PARTS_BYTES = 64 * 1024 * 1024  # unpacked, of a Word document
MAX_PARTS = 4_000
MAX_PIXELS, MAX_SIDE = 40_000_000, 20_000
MODEL_SIDE = 1_536  # models that see scale images to about this
JPEG_QUALITY = 85

Found = dict[str, Any]


class ReadingError(Exception):
    """A file that is not read; `code` is one of docs/PROTOCOL.md."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def read_text(data: bytes) -> Found:
    """Return a text in UTF-8, or in UTF-16 with its mark, in parts of some lines."""
    encoding = next((encoding for mark, encoding in BOMS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ReadingError("document_kind") from error
    return _pages(_parts(text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")), unit="part")


def read_pdf(data: bytes) -> Found:
    """Return the text of each page of a PDF; one that is only pictures has none."""
    import pypdf  # noqa: PLC0415  # a process reads one file, and needs the library of that alone

    reader = pypdf.PdfReader(io.BytesIO(data))
    if reader.is_encrypted and not reader.decrypt(""):
        raise ReadingError("document_locked")
    if len(reader.pages) > MAX_PAGES:
        raise ReadingError("document_too_large")
    return _pages((page.extract_text() for page in reader.pages), unit="page")


def read_word(data: bytes) -> Found:
    """Return the text of a Word document: by page where Word left marks of its pages, else in parts."""
    import docx  # noqa: PLC0415

    _check_parts(data)
    lines = list(_word_lines(docx.Document(io.BytesIO(data))))
    if "\f" in lines:
        return _pages(_between(lines, "\f"), unit="page")
    return _pages(_parts(lines), unit="part")


def read_image(data: bytes) -> Found:
    """Return an image as a model sees it: upright, without what cameras write into files, no larger than it needs."""
    from PIL import Image, ImageOps  # noqa: PLC0415

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    image = Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "WEBP", "GIF"])
    if image.width * image.height > MAX_PIXELS or max(image.size) > MAX_SIDE:
        raise ReadingError("image_too_large")
    image.draft("RGB", (MODEL_SIDE, MODEL_SIDE))
    upright = ImageOps.exif_transpose(image)
    upright.thumbnail((MODEL_SIDE, MODEL_SIDE))
    with_alpha = upright.convert("RGBA")
    flat = Image.new("RGB", with_alpha.size, "white")
    flat.paste(with_alpha, mask=with_alpha.getchannel("A"))
    out = io.BytesIO()
    flat.save(out, "JPEG", quality=JPEG_QUALITY)
    size = {"width": flat.width, "height": flat.height}
    return {"pages": [], "unit": "page", "image": base64.b64encode(out.getvalue()).decode(), **size}


READERS: dict[str, Callable[[bytes], Found]] = {
    "text": read_text,
    "pdf": read_pdf,
    "word": read_word,
    "image": read_image,
}


def _pages(texts: Iterator[str], *, unit: str) -> Found:
    pages: list[str] = []
    length = 0
    for text in texts:
        clean = text.encode("utf-8", "replace").decode().replace("\0", "").strip("\n")
        length += len(clean)
        pages.append(clean)
        if length > MAX_CHARACTERS or len(pages) > MAX_PAGES:
            raise ReadingError("document_too_large")
    if not any(page.strip() for page in pages):
        raise ReadingError("document_empty")
    return {"pages": pages, "unit": unit, "image": None}


def _parts(lines: list[str]) -> Iterator[str]:
    """Put lines together until they make a part; a line that is longer is cut."""
    part: list[str] = []
    length = 0
    for line in lines:
        for start in range(0, max(1, len(line)), PART_CHARACTERS):
            piece = line[start : start + PART_CHARACTERS]
            if part and length + len(piece) > PART_CHARACTERS:
                yield "\n".join(part)
                part, length = [], 0
            part.append(piece)
            length += len(piece) + 1
    yield "\n".join(part)


def _between(lines: list[str], mark: str) -> Iterator[str]:
    page: list[str] = []
    for line in lines:
        if line == mark:
            yield "\n".join(page)
            page = []
        else:
            page.append(line)
    yield "\n".join(page)


def _check_parts(data: bytes) -> None:
    """Refuse an archive that is no Word document, grows beyond reason, or defines entities, which no Word file does."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        if "word/document.xml" not in archive.NameToInfo:
            raise ReadingError("document_kind")
        if len(parts) > MAX_PARTS or sum(part.file_size for part in parts) > MAX_PARTS_BYTES:
            raise ReadingError("document_too_much")
        for part in parts:
            if part.filename.endswith((".xml", ".rels")) and b"<!DOCTYPE" in archive.read(part):
                raise ReadingError("document_too_much")


def _word_lines(document: Any) -> Iterator[str]:
    """Give the lines of a document in order, a form feed where Word last began a page, or else was told to."""
    rendered = document.element.body.xpath(".//w:lastRenderedPageBreak")
    mark = ".//w:lastRenderedPageBreak" if rendered else './/w:br[@w:type="page"]'
    for block in document.iter_inner_content():
        if hasattr(block, "rows"):
            for row in block.rows:
                yield " | ".join(cell.text.replace("\n", " ") for cell in row.cells)
            continue
        if block._element.xpath(mark):
            yield "\f"
        yield block.text
