"""Files that people attach are read by a process that can do nothing else, and hostile ones are refused in words."""

from __future__ import annotations

import asyncio
import io
import struct
import subprocess
import sys
import uuid
import zipfile
import zlib
from collections.abc import Callable

import docx
import pytest
from PIL import Image

from confchat.documents.document import Document, pack_document, unpack_document
from confchat.documents.parsing import DocumentReader
from confchat.errors import RequestError
from tests.product import ROOT


def read(data: bytes, *, timeout_s: float = 30.0) -> Document:
    return asyncio.run(DocumentReader(timeout_s=timeout_s).read(data, uuid=str(uuid.uuid4()), name="a file"))


def refusal(data: bytes, **limits: float) -> str:
    with pytest.raises(RequestError) as refused:
        read(data, **limits)
    return refused.value.code


def pdf(pages: list[str], *, stream: bytes | None = None) -> bytes:
    """Write a PDF by hand: a text on each page, or one content stream (zlib) for all."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * at} 0 R" for at in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode())
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for at, text in enumerate(pages):
        content = stream or zlib.compress(f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET".encode())
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * at} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>".encode()
        )
        head = f"<< /Length {len(content)} /Filter /FlateDecode >>\nstream\n".encode()
        objects.append(head + content + b"\nendstream")
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    return bytes(out + f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF".encode())


def word(*paragraphs: str, breaks: bool = False) -> bytes:
    document = docx.Document()
    for at, text in enumerate(paragraphs):
        if at and breaks:
            document.add_page_break()
        document.add_paragraph(text)
    document.add_table(rows=1, cols=2).cell(0, 1).text = "a cell"
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def with_part(archive: bytes, name: str, content: bytes) -> bytes:
    """Put another part in the place of one of an archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.namelist():
            new.writestr(item, content if item == name else old.read(item))
        if name not in old.namelist():
            new.writestr(name, content)
    return out.getvalue()


def image(width: int, height: int, *, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(out, form)
    return out.getvalue()


def empty_png(width: int, height: int) -> bytes:
    """Return a PNG that says how large it is, and holds nothing."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")


def test_pdf_is_read_by_page() -> None:
    found = read(pdf(["The first page.", "The second page."]))

    assert (found.kind, found.unit, found.pages) == ("pdf", "page", ("The first page.", "The second page."))


def test_word_document_is_read_with_its_tables() -> None:
    found = read(word("Hello.", "多言語。"))

    assert (found.kind, found.unit) == ("word", "part")
    assert "Hello.\n多言語。" in found.pages[0]
    assert "a cell" in found.pages[0]


def test_word_document_with_page_breaks_is_read_by_page() -> None:
    found = read(word("One.", "Two.", breaks=True))

    assert (found.unit, found.pages[0].strip()) == ("page", "One.")
    assert "Two." in found.pages[1]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_text_is_read_in_parts(encoding: str) -> None:
    lines = "\r\n".join(f"line {number} ——" for number in range(1000))
    found = read(lines.encode(encoding))

    assert found.kind == "text"
    assert len(found.pages) > 2
    assert "\n".join(found.pages) == lines.replace("\r\n", "\n")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_image_becomes_what_a_model_needs(form: str) -> None:
    found = read(image(1600, 100, form=form))

    assert found.image is not None
    assert Image.open(io.BytesIO(found.image)).size == (1536, 96)


def test_document_is_packed_and_unpacked() -> None:
    for data in (b"some words", image(9, 9)):
        found = read(data)
        assert unpack_document(found.uuid, pack_document(found)) == found


def test_what_is_no_document_is_refused() -> None:
    assert refusal(b"\x7fELF\0\0") == "document_kind"
    assert refusal("Grüße".encode("latin-1")) == "document_kind"
    assert refusal(with_part(zip_bomb(1), "a", b"")) == "document_kind"
    assert refusal(b"%PDF-1.7 and no more") == "document_unreadable"
    assert refusal(word("Hello.")[:400]) == "document_unreadable"
    assert refusal(image(9, 9)[:40]) == "document_unreadable"
    assert refusal(b" \n") == "document_empty"
    assert refusal(pdf([""])) == "document_empty"


def zip_bomb(size: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.xml", b"\0" * size)
    return out.getvalue()


def test_zip_bomb_is_refused() -> None:
    assert refusal(with_part(word("Hello."), "word/more.xml", b"\0" * 65 * 1024 * 1024)) == "document_too_much"


def test_archive_that_lies_about_its_sizes_is_refused() -> None:
    data = bytearray(with_part(word("Hello."), "word/document.xml", b" " * 3_000_000))
    for at in range(len(data) - 4):
        if data[at : at + 4] == struct.pack("<I", 3_000_000):
            data[at : at + 4] = struct.pack("<I", 30)

    assert refusal(bytes(data)) == "document_unreadable"


def test_pdf_bomb_is_refused() -> None:
    bomb = zlib.compress(b"\0" * 80_000_000, 1)

    assert refusal(pdf(["x"], stream=bomb)) == "document_too_much"


def test_billion_laughs_are_refused() -> None:
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    xml = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "ha">{laughs}]><d>&l9;</d>'

    assert refusal(with_part(word("Hello."), "word/document.xml", xml.encode())) == "document_too_much"


def test_image_of_fifty_thousand_pixels_is_refused() -> None:
    assert refusal(empty_png(50_000, 50_000)) == "image_too_large"
    assert refusal(empty_png(50_000, 10)) == "image_too_large"


def test_file_that_takes_too_long_is_refused_and_its_process_ended() -> None:
    assert refusal(pdf(["x"]), timeout_s=0.01) == "document_too_much"


ATTEMPTS = """
import ctypes, os, signal, socket, subprocess, sys
sys.path.insert(0, sys.argv[1])
from confchat.documents.confinement import confine
confine()
def attempt(what):
    try: what()
    except (OSError, MemoryError) as error: return type(error).__name__
    return "done"
print([attempt(what) for what in (
    lambda: open("/etc/passwd"),
    lambda: open("/tmp/x", "w"),
    lambda: os.stat("/etc"),
    lambda: os.listdir("/proc/self"),
    lambda: socket.socket(),
    lambda: os.fork(),
    lambda: os.execv("/bin/true", ["true"]),
    lambda: os.kill(os.getppid(), 0),
    lambda: os.pipe(),
    lambda: os.memfd_create("x"),
    lambda: bytearray(2 * 1024**3),
)])
sys.stdout.flush()
os._exit(0)
"""


def test_confined_process_can_only_compute() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", ATTEMPTS, str(ROOT)], capture_output=True, text=True, check=True, timeout=30
    )

    assert done.stdout.strip() == str(["PermissionError"] * 10 + ["MemoryError"])


def test_confined_process_that_never_ends_is_ended_by_its_time() -> None:
    shorter = "import confchat.documents.confinement as c; c.CPU_S = 1; c.confine()\nwhile True: pass"
    program = f"import sys; sys.path.insert(0, sys.argv[1])\n{shorter}"
    done = subprocess.run([sys.executable, "-I", "-c", program, str(ROOT)], check=False, timeout=30)

    assert done.returncode < 0


WORDS = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def word_of(body: bytes) -> bytes:
    """Return a Word document with this body."""
    xml = f'<?xml version="1.0"?><w:document xmlns:w="{WORDS}"><w:body>'.encode() + body + b"</w:body></w:document>"
    return with_part(word("x"), "word/document.xml", xml)


def loop(*objects: bytes) -> bytes:
    """Return a PDF of these objects, the first of which is its root."""
    out = b"%PDF-1.7\n" + b"".join(b"%d 0 obj\n%b\nendobj\n" % (at, each) for at, each in enumerate(objects, 1))
    return out + b"trailer << /Size 9 /Root 1 0 R >>\n%%EOF"


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda: word_of(b"<w:p>" * 100_000 + b"</w:p>" * 100_000), "document_unreadable"),
        (lambda: word_of(b"<w:tbl><w:tr><w:tc>" * 300 + b"</w:tc></w:tr></w:tbl>" * 300), "document_unreadable"),
        (lambda: loop(b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Kids [2 0 R] /Count 1 >>"), "document_unreadable"),
        (lambda: loop(b"<< /Type /Catalog /Pages 2 0 R >>", b"3 0 R", b"2 0 R"), "document_unreadable"),
    ],
    ids=["deep XML", "tables in tables", "a page that is its own parent", "references in a circle"],
)
def test_depths_and_circles_are_refused(make: Callable[[], bytes], code: str) -> None:
    assert refusal(make()) == code
