"""Fixtures that every room's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_vectors() -> Path:
    """Return the directory of real quotes, logs and tokens that stands beside the repository."""
    directory = ROOT.parent / "shared" / "vectors"
    if not directory.is_dir():
        pytest.skip(f"no test vectors: put them into {directory}")
    return directory
