"""What the repository holds, and how large it is."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILT = re.compile(
    r"(^|/)(node_modules|vendor|dist|build|\.venv|__pycache__|var)/|\.(so|gguf|wasm|whl|pyc|sqlite3|pem|zip)$"
)
MOST_LINES = {".py": 300, ".pyx": 300, ".js": 150, ".mjs": 150}
TEST_LINES = 400
MOST_BYTES = 512 * 1024


def tracked_files() -> list[str]:
    result = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True)
    return [name for name in result.stdout.splitlines() if (ROOT / name).is_file()]


def sources() -> list[str]:
    return [name for name in tracked_files() if Path(name).suffix in MOST_LINES and "/migrations/" not in name]


@pytest.mark.parametrize("name", sources())
def test_sources_stay_short_enough_to_read(name: str) -> None:
    most = TEST_LINES if name.startswith("tests/") else MOST_LINES[Path(name).suffix]
    assert len((ROOT / name).read_text().splitlines()) <= most


def test_nothing_built_or_third_party_is_tracked() -> None:
    assert [name for name in tracked_files() if BUILT.search(name)] == []


def test_no_tracked_file_is_large() -> None:
    assert [name for name in tracked_files() if (ROOT / name).stat().st_size > MOST_BYTES] == []


def test_the_top_level_holds_only_what_people_and_tools_look_for() -> None:
    top = {name.split("/")[0] for name in tracked_files()}
    assert top <= {
        *("attestation", "benchmarks", "confchat", "deploy", "docs", "locale", "quote_ext", "static", "templates"),
        *("tests", "manage.py", "requirements.txt", "requirements-dev.txt", "pyproject.toml", "Makefile"),
        *("README.md", "SECURITY.md", "CHANGELOG.md", "LICENSE", "package.json", "package-lock.json"),
        *(".ci", ".gitignore", ".gitattributes", ".prettierignore", ".prettierrc.json", "eslint.config.js"),
    }
