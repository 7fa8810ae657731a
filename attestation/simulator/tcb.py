"""The exact texts of a simulated TCB info v3 and QE identity v2 (Intel PCS API v4), every status an argument."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from attestation.simulator.pck_extension import FMSPC, PCE_ID, PCE_SVN, SGX_SVNS

EVALUATION_NUMBER = 20
ADVISORY = "SIMULATED-SA-00001"

# Components 0 and 1 of a TCB level say the TDX module's SVN and major version, component 2 the late microcode.
TDX_SVNS = (5, 0, 7, *(0,) * 13)
OLD_SGX_SVNS = (6, 6, 2, 2, 3, 1, 0, 3, *(0,) * 8)
OLD_TDX_SVNS = (3, 0, 6, *(0,) * 13)
MODULE_SVN = 5
OLD_MODULE_SVN = 3
QE_SVN = 8
QE_MR_SIGNER = hashlib.sha256(b"SIMULATED TD quoting enclave signer").digest()
QE_PROD_ID = 2

TCB_DATE = datetime(2026, 5, 13, tzinfo=UTC)
OLD_TCB_DATE = datetime(2025, 5, 14, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class TcbLevel:
    """One platform level: 16 SGX and 16 TDX component SVNs, and what reaching them means."""

    sgx_svns: tuple[int, ...] = SGX_SVNS
    pce_svn: int = PCE_SVN
    tdx_svns: tuple[int, ...] = TDX_SVNS
    status: str = "UpToDate"
    date: datetime = TCB_DATE
    advisories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SvnLevel:
    """One level of a TDX module or of the QE: an ISVSVN and what reaching it means."""

    isv_svn: int
    status: str = "UpToDate"
    date: datetime = TCB_DATE
    advisories: tuple[str, ...] = ()


OLD_LEVEL = TcbLevel(
    sgx_svns=OLD_SGX_SVNS, tdx_svns=OLD_TDX_SVNS, status="OutOfDate", date=OLD_TCB_DATE, advisories=(ADVISORY,)
)
OLD_MODULE_LEVEL = SvnLevel(isv_svn=OLD_MODULE_SVN, status="OutOfDate", date=OLD_TCB_DATE, advisories=(ADVISORY,))


@dataclass(frozen=True, slots=True, kw_only=True)
class TcbInfo:
    """The values of a TCB info; `modules` maps an identity such as `TDX_01` to its levels."""

    issued_at: datetime
    next_update: datetime
    id: str = "TDX"
    version: int = 3
    fmspc: bytes = FMSPC
    pce_id: bytes = PCE_ID
    evaluation_number: int = EVALUATION_NUMBER
    levels: tuple[TcbLevel, ...] = (TcbLevel(), OLD_LEVEL)
    modules: tuple[tuple[str, tuple[SvnLevel, ...]], ...] = (
        ("TDX_01", (SvnLevel(isv_svn=MODULE_SVN), OLD_MODULE_LEVEL)),
    )
    module_mr_signer: bytes = bytes(48)
    module_attributes: bytes = bytes(8)

    def text(self) -> str:
        """Return the exact text that is signed."""
        module = {
            "mrsigner": _hex(self.module_mr_signer),
            "attributes": _hex(self.module_attributes),
            "attributesMask": "F" * 16,
        }
        members = {
            "id": self.id,
            "version": self.version,
            "issueDate": time_text(self.issued_at),
            "nextUpdate": time_text(self.next_update),
            "fmspc": _hex(self.fmspc),
            "pceId": _hex(self.pce_id),
            "tcbType": 0,
            "tcbEvaluationDataNumber": self.evaluation_number,
            "tdxModule": module,
            "tdxModuleIdentities": [
                {"id": name, **module, "tcbLevels": [_svn_level(level) for level in levels]}
                for name, levels in self.modules
            ],
            "tcbLevels": [_tcb_level(level) for level in self.levels],
        }
        return _text(members)


@dataclass(frozen=True, slots=True, kw_only=True)
class QeIdentity:
    """The values of a TD QE identity."""

    issued_at: datetime
    next_update: datetime
    id: str = "TD_QE"
    version: int = 2
    evaluation_number: int = EVALUATION_NUMBER
    misc_select: bytes = bytes(4)
    attributes: bytes = bytes.fromhex("11000000000000000000000000000000")
    attributes_mask: bytes = bytes.fromhex("FBFFFFFFFFFFFFFF0000000000000000")
    mr_signer: bytes = QE_MR_SIGNER
    isv_prod_id: int = QE_PROD_ID
    levels: tuple[SvnLevel, ...] = (SvnLevel(isv_svn=QE_SVN),)

    def text(self) -> str:
        """Return the exact text that is signed."""
        members = {
            "id": self.id,
            "version": self.version,
            "issueDate": time_text(self.issued_at),
            "nextUpdate": time_text(self.next_update),
            "tcbEvaluationDataNumber": self.evaluation_number,
            "miscselect": _hex(self.misc_select),
            "miscselectMask": "F" * 8,
            "attributes": _hex(self.attributes),
            "attributesMask": _hex(self.attributes_mask),
            "mrsigner": _hex(self.mr_signer),
            "isvprodid": self.isv_prod_id,
            "tcbLevels": [_svn_level(level) for level in self.levels],
        }
        return _text(members)


def time_text(moment: datetime) -> str:
    """Return a time as Intel writes it: UTC, whole seconds, `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _tcb_level(level: TcbLevel) -> dict[str, Any]:
    tcb = {
        "sgxtcbcomponents": [{"svn": svn} for svn in level.sgx_svns],
        "pcesvn": level.pce_svn,
        "tdxtcbcomponents": [{"svn": svn} for svn in level.tdx_svns],
    }
    return {"tcb": tcb, **_standing(level)}


def _svn_level(level: SvnLevel) -> dict[str, Any]:
    return {"tcb": {"isvsvn": level.isv_svn}, **_standing(level)}


def _standing(level: TcbLevel | SvnLevel) -> dict[str, Any]:
    members: dict[str, Any] = {"tcbDate": time_text(level.date), "tcbStatus": level.status}
    if level.advisories:
        members["advisoryIDs"] = list(level.advisories)
    return members


def _hex(data: bytes) -> str:
    return data.hex().upper()


def _text(members: dict[str, Any]) -> str:
    return json.dumps(members, separators=(",", ":"))
