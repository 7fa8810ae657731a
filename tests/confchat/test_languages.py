"""Every text for people is marked for translation, and stands in every language, with the same parts to fill in."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client
from django.utils.translation import override

from deploy.catalogues import LOCALES, ROOT, compile_catalogue, gather, read_catalogue

STATIC = ROOT / "static" / "js"
PLACES = re.compile(r"%\(\w+\)[a-z]|\{\w+\}")
# What is not a text: Django's tags, marked texts, comments, code, and names that are the same in every language.
MARKED = re.compile(
    r"\{%\s*block body_attributes.*?endblock\s*%\}|\{%\s*blocktranslate.*?endblocktranslate\s*%\}"
    r"|\{%\s*comment.*?endcomment\s*%\}|\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}"
    r"|<!--.*?-->|<!doctype html>|<(code|script|style)\b.*?</\1>|<kbd\b.*?</kbd>",
    re.DOTALL,
)
SPOKEN_ATTRIBUTES = re.compile(r"""\b(?:aria-label|title|placeholder|alt)=("[^"]*"|'[^']*')""")
NAMES = {"ConfChat", "UTC", "TDX", "SHA", "deepseek", "r1", "b", "svg", "INTEL", "SA"}
WORD = re.compile(r"[A-Za-z]{2,}")
SPOKEN_ARGUMENTS = {"label", "help_text", "empty_label", "error_messages", "verbose_name"}
# In scripts, a text in quotes with a space after a word that begins with a capital letter is a sentence.
SENTENCE = re.compile(r'"([A-Z][a-z]+ [a-z][^"]*)"|`([A-Z][a-z]+ [a-z][^`]*)`')
SPEAKING_ROOMS = ("elements", "lib", "models")


@pytest.mark.parametrize("locale", LOCALES)
def test_every_marked_text_is_translated(locale: str) -> None:
    catalogue, texts = read_catalogue(locale), gather()
    assert {message.id for message in catalogue} == {message.id for message in texts}, "run `make words`"
    for message in catalogue:
        if not message.id:
            continue
        said = [message.id] if isinstance(message.id, str) else list(message.id)
        translated = [message.string] if isinstance(message.string, str) else list(message.string)
        assert all(translated), f"{locale}: {said[-1]}"
        assert not message.fuzzy, f"{locale}: {said[-1]}"
        for text in translated:
            assert set(PLACES.findall(text)) == set(PLACES.findall(said[-1])), f"{locale}: {text}"


def untranslated(source: str) -> Iterator[str]:
    """Yield what a template says to people outside of the tags for translation."""
    bare = MARKED.sub(" ", source)
    spoken = SPOKEN_ATTRIBUTES.findall(bare)
    for text in [*spoken, *re.split(r"<[^>]*>", bare)]:
        if set(WORD.findall(text)) - NAMES:
            yield text.strip()


@pytest.mark.parametrize("path", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: path.name)
def test_templates_say_nothing_in_one_language_only(path: Path) -> None:
    assert list(untranslated(path.read_text())) == []


def test_an_untranslated_text_in_a_template_is_found() -> None:
    assert list(untranslated('<p class="x">Hello there</p><a title="Go on" href="/x">{{ name }}</a>')) != []


def test_forms_say_nothing_in_one_language_only() -> None:
    found = []
    for path in [path for room in ("attestation", "confchat") for path in (ROOT / room).rglob("*.py")]:
        if "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg in SPOKEN_ARGUMENTS and isinstance(node.value, ast.Constant):
                found += [f"{path.name}: {node.value.value}"] if WORD.search(str(node.value.value or "")) else []
    assert found == []


def test_scripts_say_nothing_but_words_from_the_tables() -> None:
    found = []
    for path in [path for room in SPEAKING_ROOMS for path in (STATIC / room).rglob("*.js")]:
        if "words" not in path.parts:
            code = "\n".join(line for line in path.read_text().splitlines() if "Error(" not in line)
            found += [f"{path.name}: {text}" for text in map("".join, SENTENCE.findall(code))]
    assert found == []


@pytest.fixture(scope="module")
def tables() -> dict[str, dict[str, str]]:
    """Every table of words of the scripts, flat, by language."""
    script = """
      const flat = (table, name) => Object.entries(table).flatMap(([key, value]) =>
        typeof value === "string" ? [[`${name}.${key}`, value]] : flat(value, `${name}.${key}`));
      const tables = {};
      for (const language of ["en", "ja", "zh-hans"]) {
        const { WORDS } = await import(`./lib/words/${language}.js`);
        const { SENTENCES } = await import(`./attestation/words/${language}.js`);
        tables[language] = Object.fromEntries([...flat(WORDS, "words"), ...flat(SENTENCES, "sentences")]);
      }
      console.log(JSON.stringify(tables));"""
    command = ["node", "--input-type=module", "--eval", script]
    done = subprocess.run(command, cwd=STATIC, check=True, capture_output=True, text=True, timeout=60)
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("language", ["ja", "zh-hans"])
def test_every_word_of_the_scripts_is_translated(tables: dict[str, dict[str, str]], language: str) -> None:
    english, other = tables["en"], tables[language]
    assert sorted(other) == sorted(english)
    for key, text in english.items():
        assert other[key], key
        assert set(PLACES.findall(other[key])) == set(PLACES.findall(text)), key


@pytest.mark.parametrize(("language", "locale"), [("ja", "ja"), ("zh-hans", "zh_Hans")])
def test_pages_and_scripts_say_the_same_of_a_check(
    tables: dict[str, dict[str, str]], language: str, locale: str
) -> None:
    """A catalogue whose translations stand beside other texts than their own is found by this."""
    catalogue = read_catalogue(locale)
    compared = 0
    for key, text in tables["en"].items():
        message = catalogue.get(text) if key.startswith("words.check.") else None
        if message is not None:
            assert message.string == tables[language][key], key
            compared += 1
    assert compared > 20


@pytest.mark.parametrize(("language", "locale"), [("ja", "ja"), ("zh-hans", "zh_Hans")])
def test_a_page_speaks_the_language_that_is_asked_for(language: str, locale: str) -> None:
    compile_catalogue(locale)
    with override(None):
        answer = Client().get("/nothing/here", headers={"accept-language": language})
    page = answer.content.decode()
    assert f'<html lang="{language}">' in page
    title = read_catalogue(locale).get("There is nothing at this address")
    assert title is not None
    assert str(title.string) in page


def test_the_language_that_somebody_chose_is_kept_before_the_browsers() -> None:
    client = Client()
    answer = client.post("/language/", {"language": "ja"}, headers={"accept-language": "en"})
    assert answer.status_code == 302
    page = client.get("/nothing/here", headers={"accept-language": "en"}).content.decode()
    assert '<html lang="ja">' in page
    assert all(f">{name}</button>" in page for name in ("English", "日本語", "简体中文"))
