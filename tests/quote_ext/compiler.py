"""Shared libraries that stand in for what a machine has: compiled when a test asks for one."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
HEADERS = HERE.parents[1] / "quote_ext"


def compile_library(source: str, library: Path, **texts: str) -> Path:
    """Compile a C file beside this one; `texts` become macros that are string literals."""
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler: apt-get install gcc")
    macros = [f'-D{name}="{text}"' for name, text in texts.items()]
    flags = ["-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", f"-I{HEADERS}"]
    subprocess.run([compiler, *flags, *macros, "-o", library, HERE / source], check=True, timeout=60)
    return library
