"""Simulated quotes and collateral, good and spoiled, before a verifier that is not ours."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dcap_qvl
import pytest
from cryptography import x509

from attestation.collateral import Collateral
from attestation.pck import parse_pck_extension
from attestation.quote import parse_quote
from attestation.simulator.pck_extension import FMSPC, PckValues, build_pck_extension
from attestation.simulator.pki import issue_pck
from attestation.simulator.platform import Platform, build_collateral
from attestation.simulator.quotes import BODY_TDX_1_0, BODY_TDX_1_5, BODY_TDX_1_5_EX, USER_DATA, build_quote
from attestation.simulator.tcb import ADVISORY, TcbLevel
from attestation.simulator.td_report import (
    DEBUG,
    MIGRATABLE,
    OLD_TEE_TCB_SVN,
    SEPT_VE_DISABLE,
    Td,
    build_attributes,
    measure,
)
from tests.third_opinion import advisories_of, status_of

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CREATED_AT = NOW - timedelta(days=2)
PLATFORM = Platform.create(CREATED_AT, seed=b"test_simulator_platform")
TD = Td(report_data=bytes(range(64)))
QUOTE = PLATFORM.quote(TD, version=5)
STATUSES = (
    "UpToDate",
    "SWHardeningNeeded",
    "ConfigurationNeeded",
    "ConfigurationAndSWHardeningNeeded",
    "OutOfDate",
    "OutOfDateConfigurationNeeded",
)


def judge(quote: bytes = QUOTE, collateral: Collateral | None = None, *, platform: Platform = PLATFORM) -> str:
    return status_of(quote, collateral or platform.collateral(NOW), root=platform.root_der, at=NOW)


@pytest.mark.parametrize(
    ("version", "body_type", "size"),
    [(4, BODY_TDX_1_0, 584), (5, BODY_TDX_1_0, 584), (5, BODY_TDX_1_5, 648), (5, BODY_TDX_1_5_EX, 885)],
)
def test_simulated_quotes_of_every_version_are_up_to_date_under_their_own_root(
    version: int, body_type: int, size: int
) -> None:
    quote = PLATFORM.quote(TD, version=version, body_type=body_type)
    assert judge(quote) == "UpToDate"
    parsed = parse_quote(quote)
    assert len(parsed.signed) == 48 + (6 if version == 5 else 0) + size
    assert (parsed.report.report_data, parsed.report.rtmr2) == (TD.report_data, TD.rtmr2)


def test_simulated_quote_is_refused_under_the_root_of_intel(shared_vectors: Path) -> None:
    intel = (shared_vectors / "quotes" / "intel-sgx-root-ca.der").read_bytes()
    assert status_of(QUOTE, PLATFORM.collateral(NOW), root=intel, at=NOW).startswith("refused")


def test_everything_that_has_a_name_says_simulated() -> None:
    assert USER_DATA == b"SIMULATED-TDX-QUOTE!"
    assert QUOTE[28:48] == USER_DATA
    chain = x509.load_pem_x509_certificates(PLATFORM.collateral(NOW).tcb_info_issuer_chain.encode())
    for certificate in (*chain, *PLATFORM.pki.pck.chain()):
        assert all(str(attribute.value).startswith("SIMULATED ") for attribute in certificate.subject)


def test_fmspc_is_not_one_of_those_that_intel_issued(shared_vectors: Path) -> None:
    issued = {path.name.split("-")[1] for path in (shared_vectors / "quotes").glob("collateral-*.json")}
    assert FMSPC.hex() not in issued
    assert all(fmspc.endswith("0000") for fmspc in issued)
    assert not FMSPC.hex().endswith("0000")


def test_equal_seeds_make_equal_platforms_and_no_seed_a_new_one() -> None:
    again = Platform.create(CREATED_AT, seed=b"test_simulator_platform")
    assert (again.root_der, again.quote(TD, version=5)) == (PLATFORM.root_der, QUOTE)
    assert again.collateral(NOW) == PLATFORM.collateral(NOW)
    assert Platform.create(CREATED_AT).root_der != Platform.create(CREATED_AT).root_der


@pytest.mark.parametrize("status", STATUSES)
def test_platform_has_the_status_that_its_level_has(status: str) -> None:
    collateral = PLATFORM.collateral(NOW, tcb_info=PLATFORM.tcb_info(NOW, status=status, advisories=("SA-1",)))
    assert judge(collateral=collateral) == status
    assert advisories_of(QUOTE, collateral, root=PLATFORM.root_der, at=NOW) == ["SA-1"]


@pytest.mark.parametrize("status", ["UpToDate", "OutOfDate"])
def test_module_and_enclave_have_the_status_that_their_level_has(status: str) -> None:
    assert judge(collateral=PLATFORM.collateral(NOW, tcb_info=PLATFORM.tcb_info(NOW, module_status=status))) == status
    assert judge(collateral=PLATFORM.collateral(NOW, qe_identity=PLATFORM.qe_identity(NOW, status=status))) == status


def test_revoked_levels_are_refused() -> None:
    spoiled = (
        PLATFORM.collateral(NOW, tcb_info=PLATFORM.tcb_info(NOW, status="Revoked")),
        PLATFORM.collateral(NOW, tcb_info=PLATFORM.tcb_info(NOW, module_status="Revoked")),
        PLATFORM.collateral(NOW, qe_identity=PLATFORM.qe_identity(NOW, status="Revoked")),
    )
    assert all("Revoked" in judge(collateral=collateral) for collateral in spoiled)


@pytest.mark.parametrize("name", ["pck", "pck_ca", "tcb_signing"])
def test_revoked_certificates_are_refused(name: str) -> None:
    assert "CertRevoked" in judge(collateral=PLATFORM.collateral(NOW, revoked={name}))  # type: ignore[arg-type]


def test_relaunch_is_advised_where_the_module_was_updated_under_the_td() -> None:
    quote = PLATFORM.quote(replace(TD, tee_tcb_svn=OLD_TEE_TCB_SVN), version=5)
    assert judge(quote) == "TDRelaunchAdvised"
    assert advisories_of(quote, PLATFORM.collateral(NOW), root=PLATFORM.root_der, at=NOW) == [ADVISORY]


@pytest.mark.parametrize(
    ("spoiled", "reason"),
    [
        (replace(TD, td_attributes=build_attributes(SEPT_VE_DISABLE, DEBUG)), "Debug mode"),
        (replace(TD, td_attributes=build_attributes(SEPT_VE_DISABLE, MIGRATABLE)), "migration"),
        (replace(TD, td_attributes=build_attributes()), "SEPT_VE_DISABLE"),
        (replace(TD, mr_service_td=measure("service TD")), "service TD"),
        (replace(TD, tee_tcb_svn=bytes([5, 9, 7, *bytes(13)])), "TDX_09"),
        (replace(TD, seam_attributes=b"\x01" + bytes(7)), "odule"),
    ],
)
def test_spoiled_td_is_refused(spoiled: Td, reason: str) -> None:
    verdict = judge(PLATFORM.quote(spoiled, version=5))
    assert verdict.startswith("refused")
    assert reason in verdict


@pytest.mark.parametrize(
    "change",
    [
        {"fmspc": bytes(6)},
        {"id": "SGX"},
        {"version": 2},
        {"next_update": NOW - timedelta(seconds=1)},
        {"levels": (TcbLevel(pce_svn=99),)},
    ],
)
def test_tcb_info_with_another_value_is_refused(change: dict[str, object]) -> None:
    tcb_info = replace(PLATFORM.tcb_info(NOW), **change)  # type: ignore[arg-type]
    assert judge(collateral=PLATFORM.collateral(NOW, tcb_info=tcb_info)).startswith("refused")


def test_other_enclave_is_refused() -> None:
    enclave = replace(PLATFORM.enclave, mr_signer=bytes(32))
    quote = build_quote(TD, enclave=enclave, pck=PLATFORM.pki.pck)
    assert judge(quote).startswith("refused")


def test_role_confusion_is_signed_by_the_pck_key_and_led_to_the_root() -> None:
    collateral = build_collateral(
        PLATFORM.pki,
        issued_at=NOW,
        tcb_info=PLATFORM.tcb_info(NOW),
        qe_identity=PLATFORM.qe_identity(NOW),
        tcb_info_signer=PLATFORM.pki.pck,
    )
    # dcap-qvl 0.7.0 accepts it, which is what this case exists for.
    assert judge(collateral=collateral) == "UpToDate"
    assert collateral.tcb_info_issuer_chain == PLATFORM.pki.pck.chain_pem()


def test_expired_pck_certificate_is_refused() -> None:
    pck = issue_pck(PLATFORM.pki.pck_ca, CREATED_AT, seed=b"expired", values=PckValues(), lifetime=timedelta(days=1))
    assert judge(build_quote(TD, enclave=PLATFORM.enclave, pck=pck)).startswith("refused")


def test_processor_ca_and_other_platforms_have_collateral_of_their_own() -> None:
    values = PckValues(fmspc=bytes.fromhex("51AD00C0FFE0"), pce_id=b"\x01\x00", svns=(255,) * 16, pce_svn=300)
    other = Platform.create(CREATED_AT, seed=b"other", pck_values=values, ca="Processor")
    quote = other.quote(TD)
    assert judge(quote, platform=other) == "UpToDate"
    parsed = dcap_qvl.parse_quote(quote)
    assert (parsed.fmspc(), parsed.ca()) == ("51AD00C0FFE0", "processor")
    assert parsed.pck_extension().pce_svn == 300


def test_sgx_extension_reads_back() -> None:
    values = PckValues(svns=(0, 127, 128, 255, *range(12)), pce_svn=0x8000)
    parsed = parse_pck_extension(build_pck_extension(values))
    assert (parsed.fmspc, parsed.svns, parsed.pce_svn, parsed.cpu_svn, parsed.ppid) == (
        values.fmspc,
        values.svns,
        values.pce_svn,
        values.cpu_svn,
        values.ppid,
    )
