"""dcap-qvl beside our verifier, on every case that it can judge: simulated, real, and real with single bits flipped.

Compared is what both decide: whether evidence is authentic and its TD closed, and which TCB status it has. Policies
(accepted statuses, floors, releases) and bindings are ours alone.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from attestation.appraisal import AttestationResult
from attestation.encoding import b64decode, b64encode
from attestation.evidence import Evidence
from attestation.pki import INTEL_ROOT_CA
from attestation.verified import VerifiedCache
from tests.cases.generate import VECTORS, build_simulated
from tests.cases.python import run
from tests.cases.real import build_real
from tests.cases.scene import apply
from tests.third_opinion import status_of

AUTHENTICITY = ("quote.parse", "quote.chain", "quote.collateral", "quote.qe", "quote.signature", "td.attributes")
REFUSED = "refused"

# dcap-qvl 0.7.0 accepts these, which we refuse; Intel's own library refuses those marked (I).
STRICTER = {
    "certification data: types and sizes are not looked at (I)": (
        "quote_certification: 0",
        "quote_certification: 2",
        "flip: v4 certification type",
        "flip: v4 PCK chain size",
        "flip: v5ex certification type",
        "flip: v5ex PCK chain size",
    ),
    "anything may follow a quote": ("quote_trailing: 0",),
    "the root that is sent is ignored, with whatever else stands among the certificates": (
        "chain_malformed: without the root",
        "chain_malformed: with a fourth",
        "chain_malformed: something between",
        "chain_malformed: something behind",
        "chain_malformed: another label",
        "flip: root certificate in the quote",
        "flip: tcb_info_issuer_chain, certificate 1",
        "flip: qe_identity_issuer_chain, certificate 1",
    ),
    "the PCK CRL's issuer chain is not used": (
        "chain_role: the CRL's issuer is a TCB signer",
        "chain_malformed: no CRL issuer chain",
        "flip: pck_crl_issuer_chain, 0",
        "flip: pck_crl_issuer_chain, 1",
    ),
    "roles are not looked at (I)": (
        "chain_role: a TCB signer as PCK",
        "chain_role: a root as PCK CA",
        "collateral_signer: tcb_info_signer is a PCK certificate",
        "collateral_signer: qe_identity_signer is a PCK certificate",
        "collateral_signer: tcb_info_signer is a PCK certificate right under the root",
        "collateral_signer: qe_identity_signer is a PCK certificate right under the root",
    ),
    "a CRL may come from the future": ("crl_validity: PCK CRL from the future",),
    "PCEID is not compared (I)": ("pceid_mismatch: another PCE",),
    "TCB type and other forms of time are not looked at": (
        "collateral_kind: TCB type 1",
        "collateral_malformed: a time of another form",
    ),
    "the second half of the QE's report data is not looked at": ("qe_binding: something behind the hash",),
    "two attribute bits are known to it that we do not allow": ("td_reserved: bit 18", "td_reserved: bit 62"),
    "it is told to trust the simulator's root whatever the evidence says": (
        "chain_root: simulated evidence that says it is Intel's",
    ),
}
# The other way round: no authenticity is at stake here.
OTHERWISE = {
    "its Python interface cannot allow a service TD": (
        "good: allow-listed service TD",
        "v5-alibaba-90c06f, service TD allowed",
    ),
    "it takes module levels in the order in which they stand; Intel's stand best first": (
        "tcb: module identities in another order and spelling",
    ),
}
EXPLAINED = {name for names in (*STRICTER.values(), *OTHERWISE.values()) for name in names}
# These ask what it means to trust a root, which is no argument of a policy there.
NOT_COMPARABLE = ("simulator_refused", "flip: simulator_root", "seam_signer: another signer is named")
# What only a policy of ours has against a machine.
OF_POLICY = {"evaluation_number_low", "td_attribute_refused", "xfam_refused", "seam_refused"}

SIMULATED = build_simulated()
REAL = build_real(VECTORS)


def named(content: dict[str, Any]) -> list[Any]:
    # Real quotes under another whole policy are the same quotes to whoever knows no policies.
    ours = (each for each in content["cases"] if "policy" not in each["set"])
    cases = (each for each in ours if not each["name"].startswith(NOT_COMPARABLE))
    return [pytest.param(each, id=each["name"]) for each in cases]


def our_opinion(result: AttestationResult) -> str:
    checks = {check.id: check for check in result.checks}
    refused = [checks[name].code for name in AUTHENTICITY if checks[name].status != "pass"]
    if set(refused) - OF_POLICY or result.tcb_status in (None, "Revoked"):
        return REFUSED
    return str(result.tcb_status)


def both_opinions(case: dict[str, Any], *, cache: VerifiedCache | None = None) -> tuple[str, str]:
    evidence, at = Evidence.from_wire(case["evidence"]), datetime.fromtimestamp(case["now"], UTC)
    root = evidence.simulator_root or INTEL_ROOT_CA
    theirs = status_of(evidence.quote, evidence.collateral, root=root, at=at)
    return our_opinion(run(case, cache=cache)), REFUSED if theirs.startswith(REFUSED) else theirs


@pytest.mark.parametrize("each", named(SIMULATED) + named(REAL))
def test_both_verifiers_agree_but_for_what_is_explained(each: dict[str, Any]) -> None:
    content = SIMULATED if each["base"] in SIMULATED["bases"] else REAL
    ours, theirs = both_opinions(apply(content["bases"][each["base"]], each["set"]))
    if each["name"] not in EXPLAINED:
        assert ours == theirs
    elif each["name"] in {name for names in STRICTER.values() for name in names}:
        assert (ours, theirs) == (REFUSED, "UpToDate")
    else:
        assert ours == "UpToDate" != theirs


def test_every_explanation_is_about_a_case() -> None:
    names = {each["name"] for content in (SIMULATED, REAL) for each in content["cases"]}
    missing = EXPLAINED - names
    assert not {name for name in missing if REAL["cases"] or not name.startswith("v")}


@pytest.mark.parametrize("name", ["v4-phala-b0c06f", "v5ex-phala-b0c06f"])
def test_a_flipped_bit_never_pleases_us_and_not_them(shared_vectors: Path, name: str) -> None:
    """One bit in every eleventh byte of a real quote; where we refuse and they do not, it is the unsigned wrapping."""
    directory = shared_vectors / "quotes"
    (vector,) = (
        each for each in json.loads((directory / "vectors.json").read_text())["vectors"] if each["name"] == name
    )
    case = REAL["bases"][f"{name} {vector['expectations'][0]['at']}"]
    quote = b64decode(case["evidence"]["quote"])
    certification = quote.index(b"-----BEGIN") - 6
    cache = VerifiedCache()
    for position in range(0, len(quote), 11):
        flipped = quote[:position] + bytes([quote[position] ^ 1 << position % 8]) + quote[position + 1 :]
        ours, theirs = both_opinions(apply(case, {"evidence.quote": b64encode(flipped)}), cache=cache)
        if ours != theirs:
            assert ours == REFUSED, position
            assert position >= certification, position
