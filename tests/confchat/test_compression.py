"""Static files travel compressed and are the same files; pages, which hold what is somebody's, do not."""

from __future__ import annotations

import gzip
from pathlib import Path

from django.conf import settings
from django.test import Client

ROOT = Path(__file__).parents[2]
GZIP = {"accept-encoding": "gzip"}


def test_a_script_travels_compressed_and_is_the_very_file() -> None:
    answer = Client().get(f"{settings.STATIC_URL}js/main.js", headers=GZIP)
    assert answer["content-encoding"] == "gzip"
    assert "accept-encoding" in answer["vary"].lower()
    assert gzip.decompress(answer.getvalue()) == (ROOT / "static" / "js" / "main.js").read_bytes()


def test_who_does_not_ask_for_compression_gets_the_plain_file() -> None:
    answer = Client().get(f"{settings.STATIC_URL}js/main.js", headers={"accept-encoding": "identity"})
    assert not answer.has_header("content-encoding")
    assert answer.getvalue() == (ROOT / "static" / "js" / "main.js").read_bytes()


def test_pages_are_never_compressed() -> None:
    assert not Client().get("/nothing/here", headers=GZIP).has_header("content-encoding")
