"""The SGX extension of a PCK certificate (Intel SGX PCK Certificate and CRL Profile 1.5, section 1.3.5)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

# Not one of Intel's: theirs name a processor and end in zeros.
FMSPC = bytes.fromhex("51AD00C0FFEE")
PCE_ID = bytes(2)
PCE_SVN = 11
SGX_SVNS = (7, 7, 2, 2, 3, 1, 0, 3, *(0,) * 8)

_OID_PREFIX = bytes.fromhex("2a864886f84d010d01")
_BOOLEAN, _INTEGER, _OCTETS, _OID, _ENUMERATED, _SEQUENCE = 0x01, 0x02, 0x04, 0x06, 0x0A, 0x30


def _label(name: str) -> bytes:
    return hashlib.sha256(f"SIMULATED {name}".encode()).digest()[:16]


@dataclass(frozen=True, slots=True, kw_only=True)
class PckValues:
    """What the extension says of a platform. Sizes: ids 16, `pce_id` 2, `fmspc` 6 bytes; 16 SVNs of 0-255."""

    fmspc: bytes = FMSPC
    pce_id: bytes = PCE_ID
    svns: tuple[int, ...] = SGX_SVNS
    pce_svn: int = PCE_SVN
    ppid: bytes = field(default_factory=lambda: _label("PPID"))
    platform_instance_id: bytes = field(default_factory=lambda: _label("platform instance"))
    sgx_type: int = 1
    is_dynamic: bool = False
    has_cached_keys: bool = False
    has_smt: bool = False

    @property
    def cpu_svn(self) -> bytes:
        """The 16 bytes of CPUSVN, which here are the 16 SVNs."""
        return bytes(self.svns)


def build_pck_extension(values: PckValues) -> bytes:
    """Return the DER content of the extension, as Platform CAs write it."""
    svns = [_item((2, index), _integer(svn)) for index, svn in enumerate(values.svns, start=1)]
    tcb = [*svns, _item((2, 17), _integer(values.pce_svn)), _item((2, 18), _tlv(_OCTETS, values.cpu_svn))]
    flags = (values.is_dynamic, values.has_cached_keys, values.has_smt)
    return _sequence(
        _item((1,), _tlv(_OCTETS, values.ppid)),
        _item((2,), _sequence(*tcb)),
        _item((3,), _tlv(_OCTETS, values.pce_id)),
        _item((4,), _tlv(_OCTETS, values.fmspc)),
        _item((5,), _tlv(_ENUMERATED, bytes([values.sgx_type]))),
        _item((6,), _tlv(_OCTETS, values.platform_instance_id)),
        _item((7,), _sequence(*(_item((7, index), _boolean(flag)) for index, flag in enumerate(flags, start=1)))),
    )


def _item(arcs: tuple[int, ...], value: bytes) -> bytes:
    return _sequence(_tlv(_OID, _OID_PREFIX + bytes(arcs)), value)


def _sequence(*parts: bytes) -> bytes:
    return _tlv(_SEQUENCE, b"".join(parts))


def _integer(value: int) -> bytes:
    return _tlv(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _boolean(value: bool) -> bytes:
    return _tlv(_BOOLEAN, b"\xff" if value else b"\x00")


def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 0x80 else bytes([0x82]) + size.to_bytes(2, "big")
    if 0x80 <= size < 0x100:
        length = bytes([0x81, size])
    return bytes([tag]) + length + content
