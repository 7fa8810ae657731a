"""The platform in every status: `tcb.status`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from attestation.simulator.tcb import (
    MODULE_SVN,
    OLD_LEVEL,
    OLD_MODULE_LEVEL,
    OLD_MODULE_SVN,
    QE_SVN,
    SvnLevel,
    TcbInfo,
    TcbLevel,
)
from attestation.simulator.td_report import OLD_TEE_TCB_SVN
from tests.cases.case import Case
from tests.cases.scene import ISSUED_AT, PLATFORM, Scene

ADVISORIES = ("INTEL-SA-00001", "INTEL-SA-00002")
ACCEPTED = ("UpToDate", "SWHardeningNeeded")
MERGED = {
    # platform's status: (with an outdated module or QE, with a revoked one)
    "UpToDate": ("OutOfDate", "Revoked"),
    "SWHardeningNeeded": ("OutOfDate", "Revoked"),
    "ConfigurationNeeded": ("OutOfDateConfigurationNeeded", "Revoked"),
    "ConfigurationAndSWHardeningNeeded": ("OutOfDateConfigurationNeeded", "Revoked"),
    "OutOfDate": ("OutOfDate", "Revoked"),
    "OutOfDateConfigurationNeeded": ("OutOfDateConfigurationNeeded", "Revoked"),
    "Revoked": ("Revoked", "Revoked"),
}
REFUSED = {"tcb.status": "tcb_refused"}


def cases() -> Iterator[Case]:
    yield from _merged()
    yield from _accepted()
    yield from _levels()
    yield from _modules()
    yield from _relaunch()


def published(tcb_info: TcbInfo | None = None, **scene: Any) -> Scene:
    """Return a scene with other TCB info, or other statuses (`qe`), genuinely published."""
    qe = scene.pop("qe", "UpToDate")
    identity = PLATFORM.qe_identity(ISSUED_AT, status=qe)
    return Scene(collateral=PLATFORM.collateral(ISSUED_AT, tcb_info=tcb_info, qe_identity=identity), **scene)


def _tcb_info(**changes: Any) -> TcbInfo:
    return replace(PLATFORM.tcb_info(ISSUED_AT), **changes)


def _merged() -> Iterator[Case]:
    for status, (outdated, revoked) in MERGED.items():
        info = PLATFORM.tcb_info(ISSUED_AT, status=status, advisories=ADVISORIES)
        yield Case(
            name=f"tcb_refused: {status}" if status not in ACCEPTED else f"tcb: {status}",
            scene=published(info),
            fails={} if status in ACCEPTED else REFUSED,
            tcb_status=status,
            advisories=ADVISORIES,
        )
        for part, merged in (("OutOfDate", outdated), ("Revoked", revoked)):
            yield Case(
                name=f"tcb_refused: {status}, QE {part}",
                scene=published(info, qe=part),
                fails=REFUSED,
                tcb_status=merged,
                advisories=ADVISORIES,
            )
            module = PLATFORM.tcb_info(ISSUED_AT, status=status, module_status=part)
            yield Case(
                name=f"tcb_refused: {status}, module {part}", scene=published(module), fails=REFUSED, tcb_status=merged
            )


def _accepted() -> Iterator[Case]:
    """What a policy says of statuses and advisories."""
    outdated = PLATFORM.tcb_info(ISSUED_AT, status="OutOfDate", advisories=ADVISORIES)
    yield Case(
        name="tcb: OutOfDate where a policy accepts it",
        scene=published(outdated, policy={"accepted_tcb_statuses": ["UpToDate", "OutOfDate"]}),
        tcb_status="OutOfDate",
        advisories=ADVISORIES,
    )
    yield Case(
        name="advisory_refused: one of two",
        scene=published(
            PLATFORM.tcb_info(ISSUED_AT, status="SWHardeningNeeded", advisories=ADVISORIES),
            policy={"refused_advisories": [ADVISORIES[1]]},
        ),
        fails={"tcb.status": "advisory_refused"},
        tcb_status="SWHardeningNeeded",
        advisories=ADVISORIES,
    )
    yield Case(
        name="tcb_refused: Revoked even where a policy lists it",
        scene=published(
            PLATFORM.tcb_info(ISSUED_AT, status="Revoked"), policy={"accepted_tcb_statuses": ["UpToDate", "Revoked"]}
        ),
        fails=REFUSED,
        tcb_status="Revoked",
    )
    yield Case(
        name="tcb_refused: a policy that accepts nothing",
        scene=Scene(policy={"accepted_tcb_statuses": []}),
        fails=REFUSED,
    )


def _levels() -> Iterator[Case]:
    """Which level is reached: levels stand in any order, and every component counts."""
    good, old = PLATFORM.tcb_info(ISSUED_AT).levels[0], OLD_LEVEL
    yield Case(name="tcb: levels in another order", scene=published(_tcb_info(levels=(old, good))))
    higher = {
        "an SGX component": TcbLevel(sgx_svns=(*good.sgx_svns[:15], 1)),
        "the PCESVN": TcbLevel(pce_svn=good.pce_svn + 1),
        "the late microcode": TcbLevel(tdx_svns=(5, 0, 8, *(0,) * 13)),
        "the last TDX component": TcbLevel(tdx_svns=(*good.tdx_svns[:15], 1)),
    }
    for name, level in higher.items():
        yield Case(
            name=f"tcb_refused: {name} is below the newest level",
            scene=published(_tcb_info(levels=(level, old))),
            fails=REFUSED,
            tcb_status="OutOfDate",
            advisories=old.advisories,
        )
        yield Case(
            name=f"tcb_not_supported: {name} is below every level",
            scene=published(_tcb_info(levels=(level,))),
            fails={"tcb.status": "tcb_not_supported"},
            tcb_status=None,
        )
    yield Case(
        name="tcb_not_supported: no levels",
        scene=published(_tcb_info(levels=())),
        fails={"tcb.status": "tcb_not_supported"},
        tcb_status=None,
    )
    # TDX 1.5 modules are judged by their own identity: components 0 and 1 of a level do not count.
    yield Case(
        name="tcb: components 0 and 1 are left to the module's identity",
        scene=published(_tcb_info(levels=(TcbLevel(tdx_svns=(99, 99, 7, *(0,) * 13)),))),
    )
    yield Case(
        name="tcb: an old module has no identity",
        scene=_measured({"tee_tcb_svn": bytes([5, 0, 7, *bytes(13)])}, tcb_info=_tcb_info(modules=())),
    )
    yield Case(
        name="tcb_refused: an old module is judged by components 0 and 1",
        scene=_measured({"tee_tcb_svn": bytes([4, 0, 7, *bytes(13)])}),
        fails=REFUSED,
        tcb_status="OutOfDate",
        advisories=old.advisories,
    )


def _measured(td: dict[str, Any], *, tcb_info: TcbInfo | None = None, **scene: Any) -> Scene:
    return published(tcb_info, td=td, **scene)


def _modules() -> Iterator[Case]:
    level = SvnLevel(isv_svn=MODULE_SVN)
    yield Case(
        name="tcb: module identities in another order and spelling",
        scene=published(_tcb_info(modules=(("TDX_03", ()), ("tdx_01", (OLD_MODULE_LEVEL, level))))),
    )
    unsupported = {
        "tcb_module: no identity of its generation": _measured({"tee_tcb_svn": bytes([5, 9, 7, *bytes(13)])}),
        "tcb_module: no identities": published(_tcb_info(modules=())),
        "tcb_module: another signer": published(_tcb_info(module_mr_signer=b"\x01" * 48)),
        "tcb_module: other attributes": published(_tcb_info(module_attributes=b"\x01" + bytes(7))),
        "tcb_not_supported: module below every level": _measured({"tee_tcb_svn": bytes([2, 1, 7, *bytes(13)])}),
        "tcb_not_supported: no module levels": published(_tcb_info(modules=(("TDX_01", ()),))),
        "tcb_not_supported: QE below every level": Scene(enclave=replace(PLATFORM.enclave, isv_svn=QE_SVN - 1)),
    }
    for name, scene in unsupported.items():
        yield Case(name=name, scene=scene, fails={"tcb.status": name.partition(":")[0]}, tcb_status=None)


def _relaunch() -> Iterator[Case]:
    """The module was replaced under a running TD: started on an old one, now on the newest (TDX 1.5)."""
    old = OLD_MODULE_LEVEL.advisories

    def relaunched(td: dict[str, Any] | None = None, **options: Any) -> Scene:
        status = options.pop("status", "UpToDate")
        td = {"tee_tcb_svn": OLD_TEE_TCB_SVN, **(td or {})}
        info = options.pop("tcb_info", PLATFORM.tcb_info(ISSUED_AT, status=status))
        return _measured(td, tcb_info=info, **{"version": 5, **options})

    newer_module = (("TDX_01", (SvnLevel(isv_svn=MODULE_SVN + 1), OLD_MODULE_LEVEL)),)
    statuses = {
        "relaunch advised": (relaunched(), "TDRelaunchAdvised"),
        "relaunch advised, body type 4": (relaunched(body_type=4), "TDRelaunchAdvised"),
        "relaunch and configuration": (
            relaunched(status="ConfigurationNeeded"),
            "TDRelaunchAdvisedConfigurationNeeded",
        ),
        "no word of the current module in version 4": (relaunched(version=4), "OutOfDate"),
        "no word of the current module in body type 2": (relaunched(body_type=2), "OutOfDate"),
        "the current module is old as well": (relaunched({"tee_tcb_svn2": OLD_TEE_TCB_SVN}), "OutOfDate"),
        "the current module is not the newest": (relaunched(tcb_info=_tcb_info(modules=newer_module)), "OutOfDate"),
        "the current microcode is old": (
            relaunched({"tee_tcb_svn2": bytes([MODULE_SVN, 1, 6, *bytes(13)])}),
            "OutOfDate",
        ),
        "the QE is old as well": (relaunched(qe="OutOfDate"), "OutOfDate"),
    }
    for name, (scene, status) in statuses.items():
        yield Case(name=f"tcb_refused: {name}", scene=scene, fails=REFUSED, tcb_status=status, advisories=old)
    yield Case(
        name="tcb: relaunch advised where a policy accepts it",
        scene=relaunched(policy={"accepted_tcb_statuses": ["UpToDate", "TDRelaunchAdvised"]}),
        tcb_status="TDRelaunchAdvised",
        advisories=old,
    )
    yield Case(
        name="tcb_refused: platform and module outdated, a relaunch cures both",
        scene=relaunched(
            # Component 2 alone is below the newest level, which the current module's microcode reaches.
            {"tee_tcb_svn": bytes([OLD_MODULE_SVN, 1, 6, *bytes(13)])},
        ),
        fails=REFUSED,
        tcb_status="TDRelaunchAdvised",
        advisories=old,
    )
    yield Case(
        name="tcb_module: the current module has no identity",
        scene=relaunched({"tee_tcb_svn2": bytes([MODULE_SVN, 9, 7, *bytes(13)])}),
        fails={"tcb.status": "tcb_module"},
        tcb_status=None,
    )
    levels = (SvnLevel(isv_svn=MODULE_SVN), OLD_MODULE_LEVEL)
    yield Case(
        name="tcb_not_supported: the current module has an identity without levels",
        scene=relaunched(
            {"tee_tcb_svn2": bytes([MODULE_SVN, 9, 7, *bytes(13)])},
            tcb_info=_tcb_info(modules=(("TDX_01", levels), ("TDX_09", ()))),
        ),
        fails={"tcb.status": "tcb_not_supported"},
        tcb_status=None,
    )
