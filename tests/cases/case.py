"""One case for both verifiers: a scene, and what is expected of it, declared by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.cases.scene import Scene

# docs/PROTOCOL.md §3, in order.
IDS = (
    "quote.parse",
    "quote.chain",
    "quote.collateral",
    "quote.qe",
    "quote.signature",
    "tcb.status",
    "platform.id",
    "td.attributes",
    "td.measurements",
    "td.workload",
    "model.endpoint",
    "binding.report_data",
    "binding.nonce",
    "binding.key",
    "binding.origin",
    "binding.fresh",
    "binding.log",
    "gpu.evidence",
    "verdict.token",
)
# Left out unless a case names them in `made`.
OPTIONAL = ("platform.id", "model.endpoint", "gpu.evidence")
NEEDS_QUOTE = (
    "quote.chain",
    "quote.collateral",
    "quote.qe",
    "quote.signature",
    "tcb.status",
    "td.attributes",
    "td.measurements",
    "td.workload",
    "binding.report_data",
    "verdict.token",
)
NEEDS_STATEMENT = (
    "td.measurements",
    "td.workload",
    "model.endpoint",
    "binding.nonce",
    "binding.key",
    "binding.origin",
    "binding.fresh",
    "binding.log",
    "gpu.evidence",
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is not named in `fails` (id to code), `unknown` or `left_out` is expected to pass.

    Checks of `OPTIONAL` are left out, but for those named in `made`, `fails` or `unknown`.
    """

    name: str
    scene: Scene
    fails: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    tcb_status: str | None = "UpToDate"
    advisories: tuple[str, ...] = ()

    def expected(self) -> dict[str, Any]:
        """Return the outcome and every check that both verifiers must report."""
        made = {*self.fails, *self.unknown, *self.made}
        left_out = {*self.left_out, *(name for name in OPTIONAL if name not in made)}
        assert made | left_out <= set(IDS), made
        return {
            "outcome": "contraindicated" if self.fails else "warning" if self.unknown else "affirming",
            "tcb_status": self.tcb_status,
            "advisories": list(self.advisories),
            "checks": [self._check(name) for name in IDS if name not in left_out],
        }

    def _check(self, name: str) -> list[str]:
        if name in self.fails:
            return [name, "fail", self.fails[name]]
        return [name, "unknown", "not_checked"] if name in self.unknown else [name, "pass", ""]
