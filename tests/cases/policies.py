"""What a policy says of a machine beside the status alone: grace, platforms, features, modules, what is compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from attestation.simulator.pck_extension import PckValues
from attestation.simulator.tcb import (
    OLD_LEVEL,
    OLD_MODULE_LEVEL,
    OLD_MODULE_SVN,
    OLD_TCB_DATE,
    TCB_DATE,
    SvnLevel,
    TcbInfo,
    TcbLevel,
)
from attestation.simulator.td_report import OLD_TEE_TCB_SVN, Td
from tests.cases.case import Case
from tests.cases.scene import ISSUED_AT, NOW, PLATFORM, POLICY, Scene, measure
from tests.cases.tcb import published

SINCE = (NOW - TCB_DATE).days + 1
BEFORE = SINCE - 1
REFUSED = {"tcb.status": "tcb_refused"}
OPEN_TO = OLD_LEVEL.advisories
TD = Td(report_data=bytes(64))


def cases() -> Iterator[Case]:
    yield from _platform_ids()
    yield from _machine()
    yield from _compared()
    yield from _grace_of_statuses()
    yield from _grace_of_advisories()


def _platform_ids() -> Iterator[Case]:
    own, other = PckValues().ppid.hex(), "00" * 16
    known = {"platform_ids": [other, own]}
    yield Case(name="platform: one of those that the policy names", scene=Scene(policy=known), made=("platform.id",))
    yield Case(
        name="platform_unknown: another one",
        scene=Scene(policy={"platform_ids": [other]}),
        fails={"platform.id": "platform_unknown"},
    )


def _machine() -> Iterator[Case]:
    module, other = TD.mr_seam.hex(), "01" * 48
    fails = {
        "td_attribute_refused: performance counters": (
            {"td_attributes": bytes.fromhex("0000001000000080")},
            {"allowed_td_attributes": "0000001000000000"},
        ),
        "xfam_refused: a feature of the first byte": ({}, {"allowed_xfam": "03ffffffffffffff"}),
        "xfam_refused: a feature of the last byte": (
            {"xfam": TD.xfam[:7] + b"\x80"},
            {"allowed_xfam": "ffffffffffffff7f"},
        ),
        "seam_refused: another module is named": ({}, {"mr_seams": [other]}),
        "seam_signer: another signer is named": ({}, {"mr_signer_seams": [other]}),
    }
    for name, (td, policy) in fails.items():
        measured = {"measurements": [_measured(**td)]}
        code = name.partition(":")[0]
        yield Case(name=name, scene=Scene(td=td, policy=policy, release=measured), fails={"td.attributes": code})
    yield Case(name="good: the module is one that the policy names", scene=Scene(policy={"mr_seams": [other, module]}))


def _compared() -> Iterator[Case]:
    least = ["mr_td", "rtmr1", "rtmr2", "rtmr3"]
    for name in ("mr_seam", "rtmr0", "mr_config_id", "mr_owner", "mr_owner_config"):
        yield Case(
            name=f"good: another {name}, which the policy does not compare",
            scene=Scene(td={name: b"\x01" * 48}, boot=None, policy={"release_measurements": least}),
        )
    for name in least:
        yield Case(
            name=f"measurements_differ: {name}, which every policy compares",
            scene=Scene(td={name: b"\x01" * 48}, policy={"release_measurements": least}),
            fails={"td.measurements": "measurements_differ"}
            | ({} if name == "mr_td" else {"td.workload": "event_log_differs"}),
        )
    yield Case(
        name="release_unknown: the policy counts no releases of simulators",
        scene=Scene(policy={"release_platforms": ["tdx"]}),
        fails={"td.measurements": "release_unknown"},
    )


def _grace_of_statuses() -> Iterator[Case]:
    def outdated(info: TcbInfo | None, **policy: Any) -> Scene:
        days = {"accepted_tcb_statuses": ["UpToDate", "ConfigurationNeeded"], "out_of_date_grace_days": SINCE}
        return published(info, policy={**days, **policy})

    old = PLATFORM.tcb_info(ISSUED_AT, status="OutOfDate")
    old = replace(old, levels=(TcbLevel(sgx_svns=(9,) * 16), replace(old.levels[0], date=OLD_TCB_DATE)))
    yield Case(name="tcb: OutOfDate within its grace", scene=outdated(old), tcb_status="OutOfDate")
    refused = {
        "its grace is over": {"out_of_date_grace_days": BEFORE},
        "a policy without grace": {"out_of_date_grace_days": 0},
        "the policy would not accept it repaired": {"accepted_tcb_statuses": ["ConfigurationNeeded"]},
    }
    for name, policy in refused.items():
        yield Case(
            name=f"tcb_refused: OutOfDate, {name}", scene=outdated(old, **policy), fails=REFUSED, tcb_status="OutOfDate"
        )
    needed = replace(old, levels=(old.levels[0], replace(old.levels[1], status="OutOfDateConfigurationNeeded")))
    status = "OutOfDateConfigurationNeeded"
    yield Case(name=f"tcb: {status} within its grace", scene=outdated(needed), tcb_status=status)
    yield Case(
        name=f"tcb_refused: {status} where ConfigurationNeeded is not accepted",
        scene=outdated(needed, accepted_tcb_statuses=["UpToDate"]),
        fails=REFUSED,
        tcb_status=status,
    )
    # Intel moves the newest level's date with each evaluation: what counts is the oldest repair.
    twice = replace(old, levels=(TcbLevel(sgx_svns=(10,) * 16, date=_days_ago(1)), *old.levels))
    yield Case(
        name="tcb_refused: OutOfDate, the oldest of two repairs counts",
        scene=outdated(twice, out_of_date_grace_days=BEFORE),
        fails=REFUSED,
        tcb_status="OutOfDate",
    )
    only = replace(old, levels=(replace(old.levels[1]),))
    yield Case(
        name="tcb_refused: OutOfDate, and Intel lists no repair",
        scene=outdated(only, out_of_date_grace_days=1000),
        fails=REFUSED,
        tcb_status="OutOfDate",
    )
    yield from _grace_of_modules(outdated)


def _grace_of_modules(outdated: Any) -> Iterator[Case]:
    old = {"tee_tcb_svn": OLD_TEE_TCB_SVN}
    scene = outdated(None, out_of_date_grace_days=SINCE)
    yield Case(
        name="tcb: an old module within its grace",
        scene=replace(scene, td=old),
        tcb_status="OutOfDate",
        advisories=OLD_MODULE_LEVEL.advisories,
    )
    yield Case(
        name="tcb: relaunch advised within its grace",
        scene=replace(scene, td=old, version=5),
        tcb_status="TDRelaunchAdvised",
        advisories=OLD_MODULE_LEVEL.advisories,
    )
    between = (SvnLevel(isv_svn=5), SvnLevel(isv_svn=4, date=_days_ago(300)), OLD_MODULE_LEVEL)
    info = replace(PLATFORM.tcb_info(ISSUED_AT), modules=(("TDX_01", between),))
    for days, fails in ((300, {}), (299, REFUSED)):
        yield Case(
            name=f"tcb: a module whose oldest repair is of 300 days ago, {days} days of grace",
            scene=replace(outdated(info, out_of_date_grace_days=days), td=old),
            fails=fails,
            tcb_status="OutOfDate",
            advisories=OLD_MODULE_LEVEL.advisories,
        )
    assert OLD_MODULE_SVN < 4


def _grace_of_advisories() -> Iterator[Case]:
    first, second = "INTEL-SA-00001", "INTEL-SA-00002"
    hardening = PLATFORM.tcb_info(ISSUED_AT, status="SWHardeningNeeded", advisories=(first, second))
    lower = replace(hardening.levels[0], date=OLD_TCB_DATE)
    higher = TcbLevel(sgx_svns=(9,) * 16, advisories=(second,))
    info = replace(hardening, levels=(higher, lower))
    grace = {"accepted_advisories": [second], "advisory_grace_days": SINCE}

    def judged(name: str, policy: dict[str, Any], fails: dict[str, str] | None = None) -> Case:
        return Case(
            name=name,
            scene=published(info, policy={**POLICY, **grace, **policy}),
            fails=fails or {},
            tcb_status="SWHardeningNeeded",
            advisories=(first, second),
        )

    refused = {"tcb.status": "advisory_refused"}
    yield judged("tcb: an advisory within its grace", {})
    yield judged(
        "tcb: every advisory is one that the policy accepts",
        {"accepted_advisories": [first, second], "advisory_grace_days": 0},
    )
    yield judged("advisory_refused: its grace is over", {"advisory_grace_days": BEFORE}, refused)
    yield judged("advisory_refused: no grace", {"advisory_grace_days": 0}, refused)
    yield judged("advisory_refused: one that no level repairs has no grace", {"accepted_advisories": [first]}, refused)
    yield judged("advisory_refused: refused by name, whatever the grace", {"refused_advisories": [first]}, refused)
    yield judged(
        "advisory_refused: accepted and refused by name is refused",
        {"accepted_advisories": [first, second], "refused_advisories": [second]},
        refused,
    )


def _measured(**td: Any) -> Any:
    return measure(replace(TD, **td))


def _days_ago(days: int) -> datetime:
    """Return the time so many whole days before the cases' own."""
    return NOW - timedelta(days=days)
