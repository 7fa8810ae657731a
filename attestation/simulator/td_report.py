"""A TD's own report, TDREPORT_STRUCT of 1024 bytes (TDX Module ABI 1.5, "TDREPORT_STRUCT"), and the values in it.

Real ones carry a MAC by a key that never leaves the processor; here it is HMAC-SHA256 with the installation's key.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from dataclasses import dataclass

from attestation.errors import MalformedError
from attestation.eventlog import replay
from attestation.simulator.boot import RELEASE, boot_events, measure
from attestation.simulator.pck_extension import SGX_SVNS
from attestation.simulator.tcb import MODULE_SVN, OLD_MODULE_SVN

TD_REPORT_SIZE = 1024

DEBUG = 1 << 0
SEPT_VE_DISABLE = 1 << 28
MIGRATABLE = 1 << 29

_MAC_AREA = slice(0, 224)
_MAC = slice(224, 256)
_TEE_TCB_INFO = slice(256, 495)
_TD_INFO = slice(512, 1024)
# report type, reserved, CPUSVN, hash of TEE_TCB_INFO, hash of TDINFO, report data, reserved, MAC
_HEAD = struct.Struct("<4s12x16s48s48s64s32x32s")
# valid, TEE_TCB_SVN, MRSEAM, MRSIGNERSEAM, attributes, TEE_TCB_SVN2, reserved (239 bytes and 17 of padding)
_TCB = struct.Struct("<8s16s48s48s8s16s95x17x")
# attributes, XFAM, MRTD, MRCONFIGID, MROWNER, MROWNERCONFIG, RTMR0-3, SERVTD_HASH, reserved
_INFO = struct.Struct("<8s8s48s48s48s48s48s48s48s48s48s64x")
_TYPE_TDX = 0x81
# TEE_TCB_SVN: module SVN, module major version, late microcode.
TEE_TCB_SVN = bytes([MODULE_SVN, 1, 7, *bytes(13)])
OLD_TEE_TCB_SVN = bytes([OLD_MODULE_SVN, 1, 7, *bytes(13)])
# Which members of TEE_TCB_INFO a TDX 1.5 module fills in.
_TCB_VALID = bytes.fromhex("ff01030000000000")
_STARTED = replay(boot_events(RELEASE))


def build_attributes(*bits: int) -> bytes:
    """Return TD attributes (8 bytes, little-endian) with these bits set, for example `SEPT_VE_DISABLE | DEBUG`."""
    value = 0
    for bit in bits:
        value |= bit
    return value.to_bytes(8, "little")


@dataclass(frozen=True, slots=True, kw_only=True)
class Td:
    """What hardware says of one TD. Registers are 48 bytes, SVNs 16, attributes 8, report data 64."""

    report_data: bytes
    cpu_svn: bytes = bytes(SGX_SVNS)
    tee_tcb_svn: bytes = TEE_TCB_SVN
    mr_seam: bytes = measure("TDX module")
    mr_signer_seam: bytes = bytes(48)
    seam_attributes: bytes = bytes(8)
    td_attributes: bytes = build_attributes(SEPT_VE_DISABLE)
    xfam: bytes = bytes.fromhex("e702060000000000")
    mr_td: bytes = measure("MRTD")
    mr_config_id: bytes = bytes(48)
    mr_owner: bytes = bytes(48)
    mr_owner_config: bytes = bytes(48)
    rtmr0: bytes = _STARTED[0]
    rtmr1: bytes = _STARTED[1]
    rtmr2: bytes = _STARTED[2]
    rtmr3: bytes = bytes(48)
    tee_tcb_svn2: bytes = TEE_TCB_SVN
    mr_service_td: bytes = bytes(48)


def build_td_report(report: Td, *, mac_key: bytes) -> bytes:
    """Return the 1024 bytes, MACed."""
    tcb = _TCB.pack(
        _TCB_VALID,
        report.tee_tcb_svn,
        report.mr_seam,
        report.mr_signer_seam,
        report.seam_attributes,
        report.tee_tcb_svn2,
    )
    info = _INFO.pack(
        report.td_attributes,
        report.xfam,
        report.mr_td,
        report.mr_config_id,
        report.mr_owner,
        report.mr_owner_config,
        report.rtmr0,
        report.rtmr1,
        report.rtmr2,
        report.rtmr3,
        report.mr_service_td,
    )
    # Version 1 of the structure is the one with a bound service TD.
    version = int(any(report.mr_service_td))
    head = _HEAD.pack(
        bytes([_TYPE_TDX, 0, version, 0]),
        report.cpu_svn,
        hashlib.sha384(tcb[: _TEE_TCB_INFO.stop - _TEE_TCB_INFO.start]).digest(),
        hashlib.sha384(info).digest(),
        report.report_data,
        bytes(32),
    )
    mac = hmac.digest(mac_key, head[_MAC_AREA], "sha256")
    return head[_MAC_AREA] + mac + tcb + info


def parse_td_report(data: bytes, *, mac_key: bytes) -> Td:
    """Return the values of a report that this platform made.

    Raises:
        MalformedError: not 1024 bytes, not a TD's report, or its MAC or one of its two hashes is wrong.
    """
    if len(data) != TD_REPORT_SIZE or data[0] != _TYPE_TDX:
        raise MalformedError("not a TDREPORT of 1024 bytes")
    _, cpu_svn, tcb_hash, info_hash, report_data, mac = _HEAD.unpack(data[:256])
    authentic = (
        hmac.compare_digest(mac, hmac.digest(mac_key, data[_MAC_AREA], "sha256"))
        and tcb_hash == hashlib.sha384(data[_TEE_TCB_INFO]).digest()
        and info_hash == hashlib.sha384(data[_TD_INFO]).digest()
    )
    if not authentic:
        raise MalformedError("this platform did not make the TDREPORT")
    _, tee_tcb_svn, mr_seam, mr_signer_seam, seam_attributes, tee_tcb_svn2 = _TCB.unpack(data[256:512])
    fields = _INFO.unpack(data[_TD_INFO])
    names = "td_attributes xfam mr_td mr_config_id mr_owner mr_owner_config rtmr0 rtmr1 rtmr2 rtmr3 mr_service_td"
    return Td(
        report_data=report_data,
        cpu_svn=cpu_svn,
        tee_tcb_svn=tee_tcb_svn,
        mr_seam=mr_seam,
        mr_signer_seam=mr_signer_seam,
        seam_attributes=seam_attributes,
        tee_tcb_svn2=tee_tcb_svn2,
        **dict(zip(names.split(), fields, strict=True)),
    )
