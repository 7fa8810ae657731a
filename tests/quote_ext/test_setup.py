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


def test_extension_builds_without_warnings_and_leaves_only_the_module(copy: Path) -> None:
    sources = {path.name for path in copy.iterdir()}
    built = run(copy.parent, "quote_ext/setup.py", "build_ext", "--inplace", CFLAGS="-Werror")
    assert built.returncode == 0, built.stderr
    (module,) = {path.name for path in copy.iterdir()} - sources
    assert module.startswith("_tdx.")
    assert (copy.parent / "build" / "_tdx.c").is_file()
    used = run(copy.parent, "-c", "import quote_ext._tdx as t; print(t.__file__, len(t.STEPS))")
    assert used.stdout.split() == [str(copy / module), "17"]


def test_package_that_is_not_built_says_how_to_build_it(copy: Path) -> None:
    imported = run(copy.parent, "-c", "import quote_ext")
    assert imported.returncode != 0
    assert "quote_ext/setup.py build_ext --inplace" in imported.stderr
