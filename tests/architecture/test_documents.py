"""The documents say what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
READING = re.compile(r"""\benv\.\w+\(\s*"([A-Z_]+)\"""")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#]+)[^)]*\)")


def settings_read() -> list[str]:
    sources = [path.read_text() for path in sorted((ROOT / "confchat").rglob("*.py"))]
    return sorted({name for source in sources for name in READING.findall(source)})


@pytest.mark.parametrize("name", settings_read())
def test_every_setting_is_described(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs" / "SETTINGS.md").read_text()


def test_no_setting_that_is_gone_is_described() -> None:
    described = set(re.findall(r"`(CONFCHAT_[A-Z_]+)`", (ROOT / "docs" / "SETTINGS.md").read_text()))
    assert described <= set(settings_read())


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    missing = [target for target in LINK.findall(path.read_text()) if not (path.parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize(
    "name", ["README.md", "SECURITY.md", "CHANGELOG.md", "docs/ARCHITECTURE.md", "docs/PROTOCOL.md"]
)
def test_the_documents_that_people_look_for_exist(name: str) -> None:
    assert (ROOT / name).stat().st_size > 500


def test_the_architecture_names_every_python_room() -> None:
    text = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    rooms = [
        path
        for package in ("attestation", "confchat", "quote_ext")
        for path in sorted((ROOT / package).glob("*.py"))
        if not path.name.startswith("__")
    ]
    assert [str(path.relative_to(ROOT)) for path in rooms if f"`{path.name}`" not in text] == []
