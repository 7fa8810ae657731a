"""The SGX extension of a PCK certificate (Intel SGX PCK Certificate and CRL Profile 1.5, section 1.3.5).

The profile is DER that no library reads, so a strict reader of the few forms in it stands here.
"""

from __future__ import annotations

from dataclasses import dataclass

from attestation.errors import MalformedError

SVN_COUNT = 16
EXTENSION_OID = "1.2.840.113741.1.13.1"

_OID_PREFIX = bytes.fromhex("2a864886f84d010d01")
_TCB, _PPID, _PCE_ID, _FMSPC, _SGX_TYPE = (2,), (1,), (3,), (4,), (5,)
_PCE_SVN, _CPU_SVN = (2, 17), (2, 18)
_INTEGER, _OCTETS, _OID, _ENUMERATED, _SEQUENCE = 0x02, 0x04, 0x06, 0x0A, 0x30


@dataclass(frozen=True, slots=True, kw_only=True)
class PckExtension:
    """What Intel certifies of a platform. Parsed, not verified.

    Sizes: `ppid` and `cpu_svn` 16, `pce_id` 2, `fmspc` 6 bytes; `svns` are 16 numbers of 0-255.
    """

    ppid: bytes
    cpu_svn: bytes
    svns: tuple[int, ...]
    pce_svn: int
    pce_id: bytes
    fmspc: bytes
    sgx_type: int


def parse_pck_extension(data: bytes) -> PckExtension:
    """Parse the DER content of the extension; members that later profiles may add are left alone.

    Raises:
        MalformedError: not DER, a member is missing, twice there, or of another form or size.
    """
    members = _read_members(_only(data, _SEQUENCE))
    tcb = _read_members(_value(members, _TCB, _SEQUENCE))
    return PckExtension(
        ppid=_octets(members, _PPID, size=16),
        cpu_svn=_octets(tcb, _CPU_SVN, size=16),
        svns=tuple(_number(tcb, (2, index), limit=0xFF) for index in range(1, SVN_COUNT + 1)),
        pce_svn=_number(tcb, _PCE_SVN, limit=0xFFFF),
        pce_id=_octets(members, _PCE_ID, size=2),
        fmspc=_octets(members, _FMSPC, size=6),
        sgx_type=_number(members, _SGX_TYPE, limit=0xFF, tag=_ENUMERATED),
    )


Members = dict[tuple[int, ...], tuple[int, bytes]]


def _read_members(content: bytes) -> Members:
    """Return the values of a sequence of {OID, value} by the arcs behind Intel's prefix."""
    members: Members = {}
    while content:
        item, content = _take(content, _SEQUENCE)
        oid, rest = _take(item, _OID)
        tag, value, rest = _split(rest)
        arcs = tuple(oid.removeprefix(_OID_PREFIX))
        if rest or not oid.startswith(_OID_PREFIX) or arcs in members:
            raise MalformedError("the SGX extension holds something unknown")
        members[arcs] = (tag, value)
    return members


def _value(members: Members, arcs: tuple[int, ...], tag: int) -> bytes:
    found, value = members.get(arcs, (None, b""))
    if found != tag:
        raise MalformedError("the SGX extension lacks a member")
    return value


def _octets(members: Members, arcs: tuple[int, ...], *, size: int) -> bytes:
    value = _value(members, arcs, _OCTETS)
    if len(value) != size:
        raise MalformedError("a member of the SGX extension has the wrong size")
    return value


def _number(members: Members, arcs: tuple[int, ...], *, limit: int, tag: int = _INTEGER) -> int:
    """Return a non-negative DER integer in its shortest form."""
    value = _value(members, arcs, tag)
    number = int.from_bytes(value, "big", signed=True)
    if not value or number.bit_length() // 8 + 1 != len(value) or not 0 <= number <= limit:
        raise MalformedError("a number of the SGX extension is out of range")
    return number


def _only(data: bytes, tag: int) -> bytes:
    content, rest = _take(data, tag)
    if rest:
        raise MalformedError("something follows the SGX extension")
    return content


def _take(data: bytes, tag: int) -> tuple[bytes, bytes]:
    found, content, rest = _split(data)
    if found != tag:
        raise MalformedError("the SGX extension is not of its form")
    return content, rest


def _split(data: bytes) -> tuple[int, bytes, bytes]:
    """Return tag, content and what follows of the first DER value; lengths in their shortest form."""
    if len(data) < 2:
        raise MalformedError("the SGX extension ends too early")
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
        if start not in (3, 4) or length < (0x80 if start == 3 else 0x100):
            raise MalformedError("a length in the SGX extension is not DER")
    end = start + length
    if end > len(data):
        raise MalformedError("the SGX extension ends too early")
    return data[0], data[start:end], data[end:]
