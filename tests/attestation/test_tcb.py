"""Levels and statuses as Intel's library judges them; the cases in tests/cases/tcb.py go through whole evidence."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from attestation.collateral import (
    ENCLAVE_STATUSES,
    PLATFORM_STATUSES,
    Collateral,
    QeIdentity,
    SvnLevel,
    TcbInfo,
    parse_qe_identity,
    parse_tcb_info,
)
from attestation.errors import AppraisalError
from attestation.pck import PckExtension, parse_pck_extension
from attestation.pki import PCK_CHAIN, parse_chain
from attestation.quote import TdReport, parse_quote
from attestation.simulator.tcb import TCB_DATE
from attestation.simulator.td_report import OLD_TEE_TCB_SVN, Td
from attestation.tcb import TcbVerdict, judge_tcb
from tests.cases.scene import COLLATERAL, PLATFORM

TCB_INFO, QE_IDENTITY = parse_tcb_info(COLLATERAL.tcb_info), parse_qe_identity(COLLATERAL.qe_identity)
QUOTE = parse_quote(PLATFORM.quote(Td(report_data=bytes(64)), version=5))
PCK_DER = parse_chain(QUOTE.pck_chain, PCK_CHAIN)[0].sgx_extension
assert PCK_DER is not None
PCK = parse_pck_extension(PCK_DER)


def judge(
    *,
    report: TdReport = QUOTE.report,
    pck: PckExtension = PCK,
    qe_svn: int = QUOTE.qe_report.isv_svn,
    tcb_info: TcbInfo = TCB_INFO,
    qe_identity: QeIdentity = QE_IDENTITY,
) -> TcbVerdict:
    return judge_tcb(report, pck, qe_svn, tcb_info=tcb_info, qe_identity=qe_identity)


def with_statuses(platform: str, module: str, qe: str) -> TcbVerdict:
    """Judge a platform whose own levels have these statuses, each with an advisory of its own."""
    level, svn = (
        TCB_INFO.levels[0],
        SvnLevel(isv_svn=0, date=TCB_DATE, status=module, advisories=("SA-module", "SA-both")),
    )
    identity = replace(TCB_INFO.module_identities[0], levels=(svn,))
    info = replace(
        TCB_INFO,
        levels=(replace(level, status=platform, advisories=("SA-platform", "SA-both")),),
        module_identities=(identity,),
    )
    qe_levels = (SvnLevel(isv_svn=0, date=TCB_DATE, status=qe, advisories=("SA-qe",)),)
    return judge(
        tcb_info=info,
        qe_identity=replace(QE_IDENTITY, levels=qe_levels),
        report=replace(QUOTE.report, tee_tcb_svn2=None),
    )


def test_a_good_platform_is_up_to_date() -> None:
    assert judge() == TcbVerdict(
        status="UpToDate",
        platform="UpToDate",
        module="UpToDate",
        qe="UpToDate",
        advisories=(),
        outdated_since=None,
        repaired={},
    )


@pytest.mark.parametrize(
    ("platform", "module", "qe"),
    list(product(sorted(PLATFORM_STATUSES), sorted(ENCLAVE_STATUSES), sorted(ENCLAVE_STATUSES))),
)
def test_the_merged_status_is_never_better_than_any_part(platform: str, module: str, qe: str) -> None:
    verdict = with_statuses(platform, module, qe)
    assert (verdict.platform, verdict.module, verdict.qe) == (platform, module, qe)
    if "Revoked" in (platform, module, qe):
        assert verdict.status == "Revoked"
    elif "OutOfDate" in (module, qe):
        needs_configuration = "Configuration" in platform
        assert verdict.status == ("OutOfDateConfigurationNeeded" if needs_configuration else "OutOfDate")
    else:
        assert verdict.status == platform


def test_advisories_of_all_parts_are_told_once() -> None:
    verdict = with_statuses("SWHardeningNeeded", "OutOfDate", "UpToDate")
    assert verdict.advisories == ("SA-platform", "SA-both", "SA-module", "SA-qe")


def test_every_component_counts() -> None:
    best = TCB_INFO.levels[0]
    for index in range(16):
        svns = tuple(svn + (position == index) for position, svn in enumerate(best.sgx_svns))
        info = replace(TCB_INFO, levels=(replace(best, sgx_svns=svns), TCB_INFO.levels[1]))
        assert judge(tcb_info=info).status == "OutOfDate", index
        svns = tuple(svn + (position == index) for position, svn in enumerate(best.tdx_svns))
        info = replace(TCB_INFO, levels=(replace(best, tdx_svns=svns), TCB_INFO.levels[1]))
        # Components 0 and 1 belong to the module's own identity.
        assert judge(tcb_info=info).status == ("UpToDate" if index < 2 else "OutOfDate"), index


def test_a_module_identity_is_found_by_its_generation_in_hex() -> None:
    identity = replace(TCB_INFO.module_identities[0], id="TDX_1A")
    report = replace(QUOTE.report, tee_tcb_svn=bytes([5, 0x1A, 7, *bytes(13)]))
    assert judge(report=report, tcb_info=replace(TCB_INFO, module_identities=(identity,))).module == "UpToDate"
    with pytest.raises(AppraisalError) as caught:
        judge(report=report)
    assert caught.value.code == "tcb_module"


def test_seam_attributes_are_compared_under_their_mask() -> None:
    identity = replace(TCB_INFO.module_identities[0], attributes_mask=bytes(7) + b"\xfe")
    report = replace(QUOTE.report, seam_attributes=bytes(7) + b"\x01")
    assert judge(report=report, tcb_info=replace(TCB_INFO, module_identities=(identity,))).status == "UpToDate"


def test_a_relaunch_is_advised_only_where_it_would_help() -> None:
    started_old = replace(QUOTE.report, tee_tcb_svn=OLD_TEE_TCB_SVN)
    assert judge(report=started_old).status == "TDRelaunchAdvised"
    assert judge(report=replace(started_old, tee_tcb_svn2=OLD_TEE_TCB_SVN)).status == "OutOfDate"
    old_hardware = replace(PCK, svns=TCB_INFO.levels[1].sgx_svns)
    assert judge(report=started_old, pck=old_hardware).status == "OutOfDate"
    old_qe = replace(QE_IDENTITY, levels=(SvnLevel(isv_svn=0, date=TCB_DATE, status="OutOfDate", advisories=()),))
    assert judge(report=started_old, qe_identity=old_qe).status == "OutOfDate"


def test_a_current_module_without_levels_is_not_supported() -> None:
    other = replace(TCB_INFO.module_identities[0], id="TDX_03", levels=())
    info = replace(TCB_INFO, module_identities=(*TCB_INFO.module_identities, other))
    report = replace(QUOTE.report, tee_tcb_svn=OLD_TEE_TCB_SVN, tee_tcb_svn2=bytes([5, 3, 7, *bytes(13)]))
    with pytest.raises(AppraisalError) as caught:
        judge(report=report, tcb_info=info)
    assert caught.value.code == "tcb_not_supported"


def test_a_relaunch_onto_a_module_of_the_first_generation_is_judged_by_the_levels() -> None:
    report = replace(QUOTE.report, tee_tcb_svn=OLD_TEE_TCB_SVN, tee_tcb_svn2=bytes([5, 0, 7, *bytes(13)]))
    assert judge(report=report).status == "TDRelaunchAdvised"
    older = replace(report, tee_tcb_svn2=bytes([4, 0, 7, *bytes(13)]))
    assert judge(report=older).status == "OutOfDate"


def test_real_platforms_are_judged_as_their_index_says(shared_vectors: Path) -> None:
    directory = shared_vectors / "quotes"
    judged = 0
    for vector in json.loads((directory / "vectors.json").read_text())["vectors"]:
        quote = parse_quote((directory / vector["file"]).read_bytes())
        extension = parse_chain(quote.pck_chain, PCK_CHAIN)[0].sgx_extension
        assert extension is not None
        for expectation in vector["expectations"]:
            if expectation["platform_status"] is None:
                continue
            collateral = Collateral.from_wire(json.loads((directory / expectation["collateral"]).read_text()))
            verdict = judge(
                report=quote.report,
                pck=parse_pck_extension(extension),
                qe_svn=quote.qe_report.isv_svn,
                tcb_info=parse_tcb_info(collateral.tcb_info),
                qe_identity=parse_qe_identity(collateral.qe_identity),
            )
            assert (verdict.status, verdict.qe) == (expectation["dcap_qvl_070"], expectation["qe_status"])
            assert sorted(verdict.advisories) == expectation["advisories"]
            judged += 1
    assert judged > 10
