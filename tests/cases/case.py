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
    "td.attributes",
    "td.measurements",
    "binding.report_data",
    "binding.nonce",
    "binding.key",
    "binding.origin",
    "binding.fresh",
    "binding.log",
    "verdict.token",
)
NEEDS_QUOTE = (
    "quote.chain",
    "quote.collateral",
    "quote.qe",
    "quote.signature",
    "tcb.status",
    "td.attributes",
    "td.measurements",
    "binding.report_data",
    "verdict.token",
)
NEEDS_STATEMENT = (
    "td.measurements",
    "binding.nonce",
    "binding.key",
    "binding.origin",
    "binding.fresh",
    "binding.log",
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is not named in `fails` (id to code), `unknown` or `left_out` is expected to pass."""

    name: str
    scene: Scene
    fails: Mapping[str, str] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    tcb_status: str | None = "UpToDate"
    advisories: tuple[str, ...] = ()

    def expected(self) -> dict[str, Any]:
        """Return the outcome and every check that both verifiers must report."""
        named = {*self.fails, *self.unknown, *self.left_out}
        assert named <= set(IDS), named
        return {
            "outcome": "contraindicated" if self.fails else "warning" if self.unknown else "affirming",
            "tcb_status": self.tcb_status,
            "advisories": list(self.advisories),
            "checks": [self._check(name) for name in IDS if name not in self.left_out],
        }

    def _check(self, name: str) -> list[str]:
        if name in self.fails:
            return [name, "fail", self.fails[name]]
        return [name, "unknown", "not_checked"] if name in self.unknown else [name, "pass", ""]
