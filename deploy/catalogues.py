"""The catalogues of Django's words: gathered from templates and Python, and compiled, without system tools.

`python deploy/catalogues.py gather` writes every text that is marked for translation into `locale/*/LC_MESSAGES/`,
keeping what is translated; `python deploy/catalogues.py compile` makes what Django reads of them. The latter is a build
product: it is not committed, and made by the Makefile when a catalogue has changed.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[1]
LOCALES = ("ja", "zh_Hans")
ROOMS = ("attestation", "confchat")
KEYWORDS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
}
INDENTATION = re.compile(r"^[ \t]+", re.MULTILINE)


def catalogue_path(locale: str) -> Path:
    """Return where the catalogue of a locale lies."""
    return ROOT / "locale" / locale / "LC_MESSAGES" / "django.po"


def gather() -> Catalog:
    """Return every text that templates and Python modules mark for translation, by the files that hold it."""
    catalogue = Catalog(project="ConfChat", charset="utf-8")
    for path, source in _sources():
        for _, message, _, context in extract("python", io.BytesIO(source.encode()), KEYWORDS):
            catalogue.add(message, locations=[(path.relative_to(ROOT).as_posix(), 0)], context=context)
    return catalogue


def read_catalogue(locale: str) -> Catalog:
    """Return the committed catalogue of a locale, or an empty one where there is none yet."""
    path = catalogue_path(locale)
    return read_po(io.BytesIO(path.read_bytes()), locale=locale) if path.exists() else Catalog(locale=locale)


def update(locale: str) -> None:
    """Bring a locale's catalogue to what is marked now: new texts are empty, those that went are dropped."""
    catalogue = read_catalogue(locale)
    catalogue.update(gather(), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.header_comment = f"# ConfChat: the words of templates and Python, {locale}."
    catalogue.project, catalogue.version, catalogue.msgid_bugs_address = "ConfChat", "1", ""
    catalogue.last_translator = catalogue.language_team = "ConfChat"
    catalogue.fuzzy = False
    text = io.BytesIO()
    write_po(text, catalogue, include_lineno=False, ignore_obsolete=True, sort_by_file=True, width=120)
    catalogue_path(locale).parent.mkdir(parents=True, exist_ok=True)
    catalogue_path(locale).write_bytes(text.getvalue())


def compile_catalogue(locale: str) -> None:
    """Write what Django reads, beside the catalogue."""
    text = io.BytesIO()
    write_mo(text, read_catalogue(locale))
    catalogue_path(locale).with_suffix(".mo").write_bytes(text.getvalue())


def _sources() -> Iterator[tuple[Path, str]]:
    for path in sorted((ROOT / "templates").rglob("*")):
        if path.suffix in (".html", ".txt"):
            yield path, template_source(path)
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            yield path, path.read_text()


def template_source(path: Path) -> str:
    """Return a template as Django's own tool shows it to readers of Python: its marked texts as calls of gettext."""
    from django.conf import settings  # noqa: PLC0415  (compiling needs no Django)
    from django.utils.translation.template import templatize  # noqa: PLC0415

    if not settings.configured:
        settings.configure()
    return INDENTATION.sub("", str(templatize(path.read_text(), origin=str(path))))


if __name__ == "__main__":
    for name in LOCALES:
        {"gather": update, "compile": compile_catalogue}[sys.argv[1]](name)
