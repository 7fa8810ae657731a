"""Evidence damaged at random is judged alike by the server's verifier and by the page's, which real Node runs."""

from __future__ import annotations

import copy
import json
import random
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from attestation.encoding import b64decode, b64encode
from attestation.policy_text import policy_digest
from tests.cases.generate import BASES, ROOT
from tests.cases.python import run

CASES = 150
# An intact PEM armour inside a quote begins here; two parsers may notice damage behind it at different places.
PEM = b"-----BEGIN"
CHECKED_ALIKE = ("statement", "kem_key", "deployment_sig", "simulator_root")


@cache
def bases() -> tuple[str, ...]:
    return tuple(json.dumps(scene.build()) for scene in BASES.values())


def spoil(data: bytes, chance: random.Random) -> bytes:
    """Change, remove or insert one byte."""
    at, spoiled = chance.randrange(len(data)), bytearray(data)
    match chance.randrange(5):
        case 0:
            del spoiled[at]
        case 1:
            spoiled.insert(at, chance.randrange(256))
        case _:
            spoiled[at] ^= 1 << chance.randrange(8)
    return bytes(spoiled)


def spoil_text(text: str, chance: random.Random) -> str:
    return spoil(text.encode("latin-1"), chance).decode("latin-1")


def damage_outside_der(case: dict[str, Any], chance: random.Random) -> None:
    """Damage what is no certificate and no CRL, so that both verifiers must name the same rules."""
    evidence, collateral = case["evidence"], case["evidence"]["collateral"]
    quote = b64decode(evidence["quote"])
    signed = quote.index(PEM)
    kinds: tuple[Callable[[], None], ...] = (
        lambda: evidence.update(quote=b64encode(spoil(quote[:signed], chance) + quote[signed:])),
        lambda: evidence.update(
            {(name := chance.choice(CHECKED_ALIKE)): b64encode(spoil(b64decode(evidence[name]), chance))}
        ),
        lambda: collateral.update({(name := chance.choice(TEXTS)): spoil_text(collateral[name], chance)}),
        lambda: case.update(token=spoil_text(case["token"], chance)),
        lambda: case["releases"][0].update(
            manifest=b64encode(spoil(b64decode(case["releases"][0]["manifest"]), chance))
        ),
    )
    chance.choice(kinds)()


def damage_der(case: dict[str, Any], chance: random.Random) -> None:
    """Damage a CRL or a certificate of any chain."""
    evidence, collateral = case["evidence"], case["evidence"]["collateral"]
    quote = b64decode(evidence["quote"])
    signed = quote.index(PEM)
    kinds: tuple[Callable[[], None], ...] = (
        lambda: evidence.update(quote=b64encode(quote[:signed] + _overwrite(quote[signed:], chance))),
        lambda: collateral.update({(name := chance.choice(CHAINS)): spoil_text(collateral[name], chance)}),
        lambda: collateral.update(
            {(name := chance.choice(CRLS)): spoil(bytes.fromhex(collateral[name]), chance).hex()}
        ),
    )
    chance.choice(kinds)()


TEXTS = ("tcb_info", "qe_identity")
CHAINS = ("pck_crl_issuer_chain", "tcb_info_issuer_chain", "qe_identity_issuer_chain")
CRLS = ("root_ca_crl", "pck_crl")


def _overwrite(data: bytes, chance: random.Random) -> bytes:
    at = chance.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]


def found_in_javascript(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    node = shutil.which("node", path=str(ROOT / ".venv/node")) or shutil.which("node")
    if node is None:
        pytest.skip("no Node.js: make test")
    result = subprocess.run(
        [node, "tests/js/appraisal_peer.mjs"],
        cwd=ROOT,
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def found_in_python(case: dict[str, Any]) -> dict[str, Any]:
    result = run(case)
    return {
        "outcome": result.outcome,
        "policy": policy_digest(result.policy),
        "tcb_status": result.tcb_status,
        "advisories": list(result.advisories),
        "valid_until": None if result.valid_until is None else result.valid_until.timestamp(),
        "checks": [[check.id, check.status, check.source, check.code] for check in result.checks],
    }


def damaged(damage: Callable[[dict[str, Any], random.Random], None], chance: random.Random) -> list[dict[str, Any]]:
    cases = [json.loads(chance.choice(bases())) for _ in range(CASES)]
    for case in cases:
        damage(case, chance)
    return cases


def test_good_evidence_is_affirmed_by_both() -> None:
    cases = [json.loads(base) for base in bases()]
    found = found_in_javascript(copy.deepcopy(cases))
    assert [each["outcome"] for each in found] == ["affirming"] * len(cases)
    assert found == [found_in_python(case) for case in cases]


def test_damage_outside_certificates_gets_the_same_codes() -> None:
    cases = damaged(damage_outside_der, random.Random(20261122))
    for case, theirs in zip(cases, found_in_javascript(cases), strict=True):
        assert theirs == found_in_python(case)


@pytest.mark.filterwarnings("ignore:Parsed a serial number")
def test_damaged_certificates_and_crls_are_affirmed_by_neither() -> None:
    cases = damaged(damage_der, random.Random(20261123))
    for case, theirs in zip(cases, found_in_javascript(cases), strict=True):
        ours = found_in_python(case)
        assert (theirs["outcome"], ours["outcome"]) == ("contraindicated", "contraindicated")
        # The checks that need no certificate agree to the letter.
        assert theirs["checks"][6:] == ours["checks"][6:]
