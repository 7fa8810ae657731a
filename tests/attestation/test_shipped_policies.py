"""Real quotes under the policies that come with the product; tests/js runs the same cases in the page's verifier."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from attestation.named_policies import NAMES
from attestation.verified import VerifiedCache
from tests.cases.generate import ROOT, VECTORS
from tests.cases.python import run
from tests.cases.real import build_real
from tests.cases.scene import apply
from tests.cases.shipped import ACCEPTED, CODES, MEMBERS, POLICIES, VERDICTS

REAL = build_real(VECTORS)
CACHE = VerifiedCache()


def test_the_table_has_every_quote_time_and_policy(shared_vectors: Path) -> None:
    index = json.loads((shared_vectors / "quotes" / "vectors.json").read_text())["vectors"]
    assert {(vector["name"], each["at"]) for vector in index for each in vector["expectations"]} == set(VERDICTS)
    assert POLICIES == NAMES


@pytest.mark.parametrize(("quote", "at"), list(VERDICTS), ids=str)
def test_each_policy_says_of_a_real_quote_what_an_expert_would(shared_vectors: Path, quote: str, at: int) -> None:
    base = REAL["bases"][f"{quote} {at}"]
    for name, verdict in zip(POLICIES, VERDICTS[quote, at], strict=True):
        checks = {check.id: check for check in run(apply(base, {"policy": MEMBERS[name]}), cache=CACHE).checks}
        reasons = [reason for reason, (identifier, code) in CODES.items() if (checks[identifier].code or "") == code]
        assert (", ".join(reasons) or ACCEPTED) == verdict, (name, reasons)


def test_a_refusal_for_a_missing_repair_says_which_and_since_when(shared_vectors: Path) -> None:
    base = REAL["bases"]["v4-gcp-cos113-00806f 1770801952"]
    checks = {check.id: check for check in run(apply(base, {"policy": MEMBERS["cloud"]}), cache=CACHE).checks}
    for said in ("OutOfDate", "INTEL-SA-01099", "2024-11-13", "395 days"):
        assert said in checks["tcb.status"].detail


def test_an_acceptance_by_grace_says_until_when(shared_vectors: Path) -> None:
    base = REAL["bases"]["v4-phala-b0c06f 1787894484"]
    result = run(apply(base, {"policy": MEMBERS["cloud"]}), cache=CACHE)
    said = next(check.detail for check in result.checks if check.id == "tcb.status")
    assert "accepts that until 2026-09-12 00:00 UTC" in said
    shorter = {**MEMBERS["cloud"], "out_of_date_grace_days": 381, "advisory_grace_days": 390}
    assert run(apply(base, {"policy": shorter}), cache=CACHE).valid_until == datetime(2026, 8, 29, tzinfo=UTC)


def test_the_documentation_has_the_same_table() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in (ROOT / "docs" / "policies.md").read_text().splitlines()
        if line.startswith("| v")
    ]
    told = {(row[0], row[1]): tuple(row[2:6]) for row in rows}
    assert told == {
        (quote, f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"): verdict for (quote, at), verdict in VERDICTS.items()
    }
