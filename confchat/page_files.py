"""What pages load: files made of the scripts' sources by `deploy/page.mjs`, and what each script needs at once.

The sources are served beside them, and listed by the release as they are; pages name only what was made of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

EVERYBODY = "everybody"


@dataclass(frozen=True, slots=True)
class PageFiles:
    """`sources`: SHA-256 by path; `styles`: the sheets in each style sheet; `first`: what each script loads at once."""

    sources: Mapping[str, str]
    styles: Mapping[str, tuple[str, ...]]
    first: Mapping[str, Mapping[str, tuple[str, ...]]]

    def first_load(self, script: str, language: str) -> tuple[str, ...]:
        """Return the paths below `static/` that a page with this script loads at once, the script itself first.

        Raises:
            KeyError: no such script was made.
        """
        parts = self.first[script]
        return parts[EVERYBODY] + parts.get(language, parts.get("en", ()))

    def changed_sources(self, static: Path) -> Iterator[str]:
        """Yield the sources that are no longer as they were when the files were made of them."""
        for name, digest in self.sources.items():
            path = static / name
            if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
                yield name


@cache
def read_page_files(static: Path) -> PageFiles:
    """Return what was made for the pages in a directory of static files.

    Raises:
        ImproperlyConfigured: nothing was made yet, or by another version.
    """
    path = static / "page" / "index.json"
    try:
        index = json.loads(path.read_text("utf-8"))
        first = {
            script: {language: tuple(names) for language, names in parts.items()}
            for script, parts in index["first"].items()
        }
        styles = {name: tuple(sheets) for name, sheets in index["styles"].items()}
        return PageFiles(sources=index["sources"], styles=styles, first=first)
    except OSError as error:
        raise ImproperlyConfigured(f"{path} cannot be read ({error.strerror}): run `make install`") from error
    except (ValueError, KeyError) as error:
        raise ImproperlyConfigured(f"{path} was made by another version: run `make install`") from error
