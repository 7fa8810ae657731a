"""The Python verifier before the cases that it shares with the JavaScript one, and what only it promises."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from attestation.answers import Answer
from attestation.appraisal import CHECKS, Outcome, appraise, worse_outcome
from attestation.errors import ConfigurationError
from attestation.evidence import Evidence
from attestation.verified import VerifiedCache
from tests.cases.case import IDS, OPTIONAL
from tests.cases.generate import ROOT, VECTORS, build_simulated
from tests.cases.python import read_expectation, read_policy, read_trust, run
from tests.cases.real import build_real
from tests.cases.scene import NOW, Scene, apply

SIMULATED = build_simulated()
REAL = build_real(VECTORS)
GOOD = Scene().build()
GOOD_ANSWERS = (Answer(name="embedded", token=GOOD["token"], jwks={}),)


def named(content: dict[str, Any]) -> list[Any]:
    return [pytest.param(each, id=each["name"]) for each in content["cases"]]


def check_case(content: dict[str, Any], each: dict[str, Any]) -> None:
    result, expected = run(apply(content["bases"][each["base"]], each["set"])), each["expected"]
    found = [[check.id, check.status, check.code] for check in result.checks]
    any_code = {name for name, _, code in expected["checks"] if code == "*"}
    assert [[name, status, "*" if name in any_code else code] for name, status, code in found] == expected["checks"]
    assert (result.outcome, result.tcb_status) == (expected["outcome"], expected["tcb_status"])
    assert expected["advisories"] is None or sorted(result.advisories) == sorted(expected["advisories"])
    for check in result.checks:
        assert check.detail.endswith((".", "…"))
        assert (check.status == "pass") == (check.code == "")


@pytest.mark.parametrize("each", named(SIMULATED))
def test_simulated_evidence_is_judged_as_declared(each: dict[str, Any]) -> None:
    check_case(SIMULATED, each)


@pytest.mark.skipif(not REAL["cases"], reason=f"no test vectors: put them into {VECTORS}")
@pytest.mark.parametrize("each", named(REAL))
def test_real_evidence_is_judged_as_its_index_says(each: dict[str, Any]) -> None:
    check_case(REAL, each)


def test_the_table_has_the_checks_of_the_protocol_in_order() -> None:
    assert tuple(name for name, _, _ in CHECKS) == IDS


def test_every_check_has_a_case_that_is_good_but_for_it() -> None:
    alone = {checks[0] for checks in map(_faults, SIMULATED["cases"]) if len(checks) == 1}
    # A report that cannot be read leaves nothing else to check.
    assert alone | {"quote.parse"} == set(IDS)
    assert any(faults[:1] == ["quote.parse"] for faults in map(_faults, SIMULATED["cases"]))


def test_every_code_of_the_documentation_has_a_case() -> None:
    covered = {code for each in SIMULATED["cases"] for _, _, code in each["expected"]["checks"] if code}
    assert covered - {"*"} == documented_codes()


def documented_codes() -> set[str]:
    """Read the codes that the documentation's table of checks lists."""
    text = "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
    table = text[text.index("| check | codes") :]
    rows = [line.split("|")[2] for line in table[: table.index("\n\n")].splitlines()[2:]]
    return {code for row in rows for code in re.findall(r"`([a-z0-9_]+)`", row)} | {"not_checked"}


def _faults(each: dict[str, Any]) -> list[str]:
    return [name for name, status, _ in each["expected"]["checks"] if status != "pass"]


def test_the_worse_outcome_is_the_one_that_deserves_less_trust() -> None:
    order: tuple[Outcome, ...] = ("affirming", "warning", "contraindicated", "none")
    for better, first in enumerate(order):
        for worse, second in enumerate(order):
            assert worse_outcome(first, second) == order[max(better, worse)]


def test_the_reason_is_the_first_failure_before_anything_unknown() -> None:
    assert run(GOOD).reason is None
    unknown = run(apply(GOOD, {"expectation.nonce": None})).reason
    assert unknown is not None
    assert (unknown.id, unknown.status) == ("binding.nonce", "unknown")
    failed = run(apply(GOOD, {"expectation.nonce": None, "token": None})).reason
    assert failed is not None
    assert (failed.id, failed.code) == ("verdict.token", "token_missing")


def test_details_say_what_exactly_is_wrong() -> None:
    details = {code: detail for each in SIMULATED["cases"] for code, detail in _details(each)}
    assert "INTEL-SA-00001" in details["tcb_refused"] or "SIMULATED-SA-00001" in details["tcb_refused"]
    assert "INTEL-SA-00002" in details["advisory_refused"]
    assert details["measurements_differ"].endswith(": RTMR3.")
    assert "0.10.0" in details["release_old"]


def _details(each: dict[str, Any]) -> list[tuple[str, str]]:
    result = run(apply(SIMULATED["bases"][each["base"]], each["set"]))
    return [(check.code, check.detail) for check in result.checks if check.code]


def test_checks_on_the_wire_have_the_members_of_the_protocol() -> None:
    wire = run(GOOD).to_wire_checks()
    assert [check["id"] for check in wire] == [name for name in IDS if name not in OPTIONAL]
    assert all(set(check) == {"id", "status", "source", "detail"} for check in wire)
    assert [check["source"] for check in wire] == ["hardware"] * 8 + ["derived"] * 7 + ["asserted"]


def test_a_result_holds_until_its_first_part_ends() -> None:
    assert run(GOOD).valid_until == NOW + timedelta(seconds=595)
    release_ends = Scene(release={"expires_at": int(NOW.timestamp()) + 60}).build()
    assert run(release_ends).valid_until == NOW + timedelta(seconds=60)
    forever = Scene(statement={"expires_at": 2**53 - 1}, release={"expires_at": 2**53 - 1}).build()
    assert run(forever).valid_until == datetime(2026, 12, 22, 11, tzinfo=UTC)
    nothing = dict.fromkeys(GOOD["evidence"]["collateral"], "")
    empty = apply(GOOD, {"evidence.collateral": nothing, "evidence.quote": "", "evidence.statement": ""})
    assert run(empty).valid_until is None


def test_simulated_evidence_says_so() -> None:
    assert run(GOOD).simulated
    assert not run(apply(GOOD, {"evidence.trust_anchor": "intel"})).simulated


def test_a_release_floor_that_is_no_version_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError):
        read_policy({**GOOD["policy"], "min_release_version": "1.0"})


def test_what_is_remembered_is_judged_by_the_clock_again() -> None:
    cache = VerifiedCache()
    assert run(GOOD, cache=cache).outcome == "affirming"
    late = run(apply(GOOD, {"now": GOOD["now"] + 40 * 86400}), cache=cache)
    codes = {check.id: check.code for check in late.checks if check.status == "fail"}
    assert codes["quote.chain"] == "crl_validity"
    assert codes["quote.collateral"] == "collateral_validity"


def test_what_is_remembered_speaks_for_the_same_bytes_only() -> None:
    cache = VerifiedCache()
    run(GOOD, cache=cache)
    for each in SIMULATED["cases"]:
        case = apply(SIMULATED["bases"][each["base"]], each["set"])
        assert run(case, cache=cache).outcome == each["expected"]["outcome"], each["name"]


def test_memory_is_bounded_and_forgets_the_oldest() -> None:
    cache = VerifiedCache(max_entries=2)
    calls: list[int] = []
    for number in (1, 2, 1, 3, 1, 2):
        cache.remember((number,), lambda number=number: calls.append(number))  # type: ignore[misc]
    assert calls == [1, 2, 3, 2]
    assert len(cache) == 2


def test_time_is_compared_in_any_zone() -> None:
    expectation = read_expectation(GOOD)
    tokyo = replace(expectation, now=expectation.now.astimezone(timezone(timedelta(hours=9))))
    policy, trust, evidence = (
        read_policy(GOOD["policy"]),
        read_trust(GOOD["trust"]),
        Evidence.from_wire(GOOD["evidence"]),
    )
    result = appraise(evidence, policy=policy, trust=trust, expectation=tokyo, releases=(), answers=GOOD_ANSWERS)
    assert {check.code for check in result.checks} == {"", "release_unknown", "not_checked"}
