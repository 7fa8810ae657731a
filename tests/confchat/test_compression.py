"""Static files travel compressed and are the same files; pages, which hold what is somebody's, do not."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import httpx
import pytest
from django.conf import settings
from django.test import Client

from tests.product import Server
from tests.session_client import log_in

ROOT = Path(__file__).parents[2]
GZIP = {"accept-encoding": "gzip"}
REPEATED = dict.fromkeys(("user-agent", "referer", "accept-language", "x-guess"), "swordfish")


def test_a_script_travels_compressed_and_is_the_very_file() -> None:
    answer = Client().get(f"{settings.STATIC_URL}js/main.js", headers=GZIP)
    assert answer["content-encoding"] == "gzip"
    assert "accept-encoding" in answer["vary"].lower()
    assert gzip.decompress(answer.getvalue()) == (ROOT / "static" / "js" / "main.js").read_bytes()


def test_who_does_not_ask_for_compression_gets_the_plain_file() -> None:
    answer = Client().get(f"{settings.STATIC_URL}js/main.js", headers={"accept-encoding": "identity"})
    assert not answer.has_header("content-encoding")
    assert answer.getvalue() == (ROOT / "static" / "js" / "main.js").read_bytes()


@pytest.mark.django_db
def test_other_pages_are_never_compressed() -> None:
    for path in ("/nothing/here", "/accounts/login/?next=/guess/"):
        assert not Client().get(path, headers=GZIP).has_header("content-encoding")


def test_the_chat_travels_compressed_and_repeats_nothing_that_it_was_asked(server: Server) -> None:
    with log_in(server.address, "user", server.password) as client:
        answer = client.get("/c/5ab9d1f0-1111-4222-8333-444444444444/?guess=swordfish", headers=GZIP | REPEATED)
    assert answer.headers["content-encoding"] == "gzip"
    assert "<chat-app" in answer.text
    assert not [word for word in ("swordfish", "5ab9d1f0") if word in answer.text]


def test_a_file_is_sent_whole_in_part_or_not_at_all(server: Server) -> None:
    with httpx.Client(base_url=server.address, trust_env=False, headers={"accept-encoding": "identity"}) as client:
        path = re.findall(r'/static/[^"\s#]+\.svg', client.get("/accounts/login/").text)[0]
        whole, none = client.get(path), client.head(path)
        part = client.get(path, headers={"range": "bytes=2-11"})
        again = client.get(path, headers={"if-none-match": whole.headers["etag"]})
    assert (part.status_code, part.content) == (206, whole.content[2:12])
    assert (none.content, none.headers["content-length"]) == (b"", str(len(whole.content)))
    assert (again.status_code, again.content) == (304, b"")
    assert "must consume" not in server.output.read_text(), "Django reads a file whole, and says so"
