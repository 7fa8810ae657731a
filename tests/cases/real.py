"""The real quotes at each time of their index: what Intel's library and dcap-qvl agree on, in our policy's words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from attestation.encoding import b64encode
from tests.cases.case import IDS, NEEDS_STATEMENT, OPTIONAL
from tests.cases.scene import POLICY, TRUST
from tests.cases.shipped import shipped_cases

# Where the verdict of the index is not the whole of ours, and why.
ATTRIBUTES = {
    # The index has what dcap-qvl refuses before it looks at levels; Intel's library leaves TD attributes to the caller.
    "v4-trustee-debug-50806f": "td_debug",
    "v5-alibaba-90c06f": "service_td",
}
INTEL_STATUSES = {"Verification results: true": "UpToDate", "STATUS_TCB_OUT_OF_DATE(45)": "OutOfDate"}
NOTHING_EXPECTED = {
    "nonce": None,
    "conversation": None,
    "origin": None,
    "suites": None,
    "deployment_key": None,
    "elapsed_s": None,
    "loopback": False,
    "log_view": None,
}
# Nothing of a request goes with these quotes: what a statement would have said is not known.
LEFT_OUT = {*OPTIONAL, "verdict.token"} - {*NEEDS_STATEMENT}


def build_real(vectors: Path) -> dict[str, Any]:
    """Return the file of cases from the directory of vectors; without that, a file of none."""
    index = vectors / "quotes" / "vectors.json"
    bases: dict[str, Any] = {}
    cases: list[dict[str, Any]] = []
    for vector in json.loads(index.read_text())["vectors"] if index.is_file() else ():
        for number, expectation in enumerate(vector["expectations"]):
            name = f"{vector['name']} {expectation['at']}"
            bases[name] = _base(index.parent, vector, expectation)
            expected = _expected(vector, expectation)
            cases.append({"name": name, "base": name, "set": {}, "expected": expected})
            cases.extend(shipped_cases(vector["name"], expectation["at"], base=name, expected=expected))
            if number == 0 and vector["name"] == "v5-alibaba-90c06f":
                cases.append(_allow_listed(vector, expectation, name))
    return {"bases": bases, "cases": cases}


def _base(directory: Path, vector: dict[str, Any], expectation: dict[str, Any]) -> dict[str, Any]:
    return {
        "evidence": {
            # No statement is known that a real quote would carry: what is bound to one cannot be checked.
            "statement": "",
            "deployment_sig": "",
            "kem_key": "",
            "quote": b64encode((directory / vector["file"]).read_bytes()),
            "collateral": json.loads((directory / expectation["collateral"]).read_text()),
            "event_log": {"ccel": None, "aael": None},
            "trust_anchor": "intel",
            "simulator_root": None,
        },
        "policy": {**POLICY, "min_tcb_evaluation_data_number": 0},
        "trust": {**TRUST, "simulator_root_sha256": None, "tokens": []},
        "expectation": NOTHING_EXPECTED,
        "releases": [],
        "token": None,
        "others": [],
        "now": expectation["at"],
    }


def _expected(vector: dict[str, Any], expectation: dict[str, Any]) -> dict[str, Any]:
    fails = {"binding.report_data": "report_data_differs"}
    if vector["name"] in ATTRIBUTES:
        fails["td.attributes"] = ATTRIBUTES[vector["name"]]
        status: str | None = INTEL_STATUSES[expectation["intel_qvl"].rpartition("status: ")[2]]
    elif "No matching TCB level" in expectation["dcap_qvl_070"]:
        fails["tcb.status"], status = "tcb_not_supported", None
    else:
        status = expectation["dcap_qvl_070"]
    if status == "OutOfDate":
        fails["tcb.status"] = "tcb_refused"
    # The index has no advisories where dcap-qvl refused for the attributes.
    advisories = None if vector["name"] in ATTRIBUTES and status == "OutOfDate" else expectation["advisories"]
    return {
        "outcome": "contraindicated",
        "tcb_status": status,
        "advisories": advisories,
        "checks": [_check(name, fails) for name in IDS if name not in LEFT_OUT],
    }


def _check(name: str, fails: dict[str, str]) -> list[str]:
    if name in fails:
        return [name, "fail", fails[name]]
    return [name, "unknown", "not_checked"] if name in NEEDS_STATEMENT else [name, "pass", ""]


def _allow_listed(vector: dict[str, Any], expectation: dict[str, Any], base: str) -> dict[str, Any]:
    """The service TD of Alibaba's cloud, allowed by a policy: Intel's own library has nothing against it."""
    expected = _expected(vector, expectation)
    checks = [[name, "pass", ""] if name == "td.attributes" else [name, *rest] for name, *rest in expected["checks"]]
    return {
        "name": f"{vector['name']}, service TD allowed",
        "base": base,
        "set": {"policy.service_tds": [vector["mr_service_td"]]},
        "expected": {**expected, "checks": checks},
    }
