"""Write the cases that the Python and the JavaScript verifier are both held to (README.md here has their form).

python -m tests.cases.generate
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from tests.cases import (
    binding,
    chains,
    flips,
    forgeries,
    good,
    gpu,
    hardware,
    lists,
    policies,
    real,
    services,
    software,
    tcb,
    workload,
)
from tests.cases.case import Case
from tests.cases.scene import Scene, difference

ROOT = Path(__file__).parents[2]
GENERATED = Path(__file__).parent / ".generated"
VECTORS = ROOT.parent / "shared" / "vectors"
BASES = {"v4": Scene(), "v5": Scene(version=5)}


def all_cases() -> Iterator[Case]:
    """Yield every case on the simulated platform."""
    return chain.from_iterable(
        module.cases()
        for module in (
            *(good, forgeries, hardware, chains, lists, tcb, policies),
            *(software, workload, binding, gpu, services, flips),
        )
    )


def build_simulated() -> dict[str, Any]:
    """Return the file of cases on the simulated platform."""
    bases = {name: scene.build() for name, scene in BASES.items()}
    return {"bases": bases, "cases": [_to_wire(case, bases) for case in all_cases()]}


def write_cases(directory: Path = GENERATED, *, vectors: Path = VECTORS) -> None:
    """Write both files of cases into a directory that git leaves alone."""
    directory.mkdir(exist_ok=True)
    (directory / ".gitignore").write_text("*\n")
    for name, content in (("simulated", build_simulated()), ("real", real.build_real(vectors))):
        # Whole or not at all, for another test run may be reading.
        partial = directory / f"{name}.partial"
        partial.write_text(json.dumps(content))
        partial.replace(directory / f"{name}.json")


def _to_wire(case: Case, bases: dict[str, dict[str, Any]]) -> dict[str, Any]:
    base = "v5" if case.scene.version == 5 else "v4"
    changes = difference(bases[base], case.scene.build())
    return {"name": case.name, "base": base, "set": changes, "expected": case.expected()}


if __name__ == "__main__":
    write_cases()
