from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "quote_ext"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package as it stands in a clone."""
    return Path(shutil.copytree(PACKAGE, tmp_path / "quote_ext", ignore=shutil.ignore_patterns("*.so", "__pycache__")))


def run(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=directory, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=100
    )


def test_extension_builds_without_warnings_and_leaves_only_its_modules(copy: Path) -> None:
    sources = {path.name for path in copy.iterdir()}
    built = run(copy.parent, "quote_ext/setup.py", "build_ext", "--inplace", CFLAGS="-Werror")
    assert built.returncode == 0, built.stderr
    modules = {path.name.partition(".")[0] for path in copy.iterdir() if path.name not in sources}
    assert modules == {"_configfs", "_driver", "_library", "_qgs"}
    assert {path.stem for path in (copy.parent / "build").glob("*.c")} == modules
    used = run(copy.parent, "-c", "import quote_ext._driver as module; print(module.__file__)")
    assert used.stdout.startswith(str(copy))


def test_package_that_is_not_built_says_how_to_build_it(copy: Path) -> None:
    imported = run(copy.parent, "-c", "import quote_ext")
    assert imported.returncode != 0
    assert "quote_ext/setup.py build_ext --inplace" in imported.stderr
