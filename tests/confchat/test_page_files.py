"""What pages load is made of the sources that lie here, stays small, and comes out the same wherever it is made."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from confchat.page_files import EVERYBODY, PageFiles, read_page_files

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "static"
NODE = ROOT / ".venv" / "node" / "node"  # where `make test` links it
MOST_SCRIPT_BYTES = 150_000  # compressed, before the first message
LANGUAGES = ("en", "ja", "zh-hans")


def compressed_bytes(language: str) -> int:
    names = read_page_files(STATIC).first_load("main.js", language)
    return sum(len(gzip.compress((STATIC / name).read_bytes(), compresslevel=6)) for name in names)


def contents(directory: Path) -> dict[str, bytes]:
    paths = [path for path in directory.rglob("*") if path.is_file()]
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_chat_loads_little_before_the_first_message(language: str) -> None:
    assert compressed_bytes(language) <= MOST_SCRIPT_BYTES


def test_what_is_heavy_or_late_is_not_loaded_at_once() -> None:
    first = read_page_files(STATIC).first_load("main.js", "en")
    modules = json.loads((STATIC / "page" / "index.json").read_text())["modules"]
    late = ["../vendor/katex.js", "../vendor/argon2.js", "elements/message_item.js", "elements/trust_details.js"]
    assert not set(first) & {modules[name] for name in [*late, "lib/words/ja.js"]}


def test_nothing_here_is_newer_than_what_was_made_of_it() -> None:
    assert list(read_page_files(STATIC).changed_sources(STATIC)) == []


def test_the_same_sources_give_the_same_bytes_in_another_place(tmp_path: Path) -> None:
    node = str(NODE) if NODE.exists() else shutil.which("node")
    if node is None:
        pytest.skip("no Node.js: make test")
    for name in ("static", "templates", "deploy"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("page", "vendor"))
    shutil.copyfile(ROOT / "package.json", tmp_path / "package.json")
    (tmp_path / "node_modules").symlink_to((ROOT / "node_modules").resolve())
    for program in ("vendor.mjs", "page.mjs"):
        subprocess.run([node, f"deploy/{program}"], cwd=tmp_path, check=True, timeout=100)
    for name in ("vendor", "page"):
        assert contents(tmp_path / "static" / name) == contents(STATIC / name)


def test_a_source_that_changed_or_went_away_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("changed")
    files = PageFiles(styles={}, sources={"a.js": "00" * 32, "b.js": "00" * 32}, first={})
    assert list(files.changed_sources(tmp_path)) == ["a.js", "b.js"]


def test_without_files_it_is_said_how_they_are_made(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match="make install"):
        read_page_files(tmp_path)


def test_a_reader_gets_the_words_of_his_language_or_else_english() -> None:
    files = PageFiles(sources={}, styles={}, first={"x.js": {EVERYBODY: ("x.js",), "en": ("en.js",), "ja": ("ja.js",)}})
    assert files.first_load("x.js", "ja") == ("x.js", "ja.js")
    assert files.first_load("x.js", "zh-hans") == ("x.js", "en.js")


def test_what_templates_name_is_there() -> None:
    texts = [path.read_text() for path in (ROOT / "templates").rglob("*.html")]
    named = {name for text in texts for name in re.findall(r"{% static '([^']+)' %}", text)}
    assert {name for name in named if not (STATIC / name).is_file()} == set()


def test_every_style_sheet_is_part_of_one_that_pages_name() -> None:
    sources = read_page_files(STATIC).sources
    assert {f"css/{path.name}" for path in (STATIC / "css").iterdir()} <= set(sources)


@pytest.mark.django_db
def test_a_page_names_beforehand_what_its_script_imports() -> None:
    page = Client().get("/how/").content.decode()
    names = read_page_files(STATIC).first_load("elements/own_values.js", "en")
    assert re.findall(r'(?:modulepreload" href|module" src)="/static/[0-9a-f]+/([^"]+)"', page) == list(names)
