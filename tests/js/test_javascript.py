"""The tests of the browser's modules, each file run by Node as it stands."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cases.generate import write_cases

ROOT = Path(__file__).parents[2]
# `make test` links a Node of at least 20.19 here.
NODE = ROOT / ".venv" / "node" / "node"


@pytest.fixture(scope="module", autouse=True)
def verifier_cases() -> None:
    """Write the cases that both verifiers are held to, which `appraisal.test.js` reads."""
    write_cases()


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.glob("*.test.js")), ids=lambda path: path.name)
def test_javascript(path: Path) -> None:
    node = str(NODE) if NODE.exists() else shutil.which("node")
    if node is None:
        pytest.skip("no Node.js: make test")
    result = subprocess.run(
        [node, "--test", str(path)], cwd=ROOT, check=False, capture_output=True, text=True, timeout=110
    )
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    # A file that runs no test at all also ends well.
    assert "\n# pass 0\n" not in result.stdout.replace("ℹ", "#"), result.stdout
