"""An environment of its own with the stand-in of NVIDIA's SDK, whose answers can be chosen."""

from __future__ import annotations

import json
import shutil
import sys
import venv
from pathlib import Path

STAND_IN = Path(__file__).parent / "gpu_stand_in"
GOOD = {"devices": 2, "cc": 1, "devtools": 0, "attests": True}


def make_environment(directory: Path) -> Path:
    """Make an environment that has the stand-in, and nothing else."""
    venv.create(directory, with_pip=False, symlinks=True)
    shutil.copytree(STAND_IN, _site(directory), dirs_exist_ok=True)
    return directory


def answer_so(environment: Path, **changes: object) -> Path:
    """Have the stand-in answer as a good machine's SDK would, but for these changes; return its interpreter."""
    (_site(environment) / "stand_in.json").write_text(json.dumps(GOOD | changes))
    return environment / "bin" / "python"


def _site(environment: Path) -> Path:
    return environment / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
